"""Filters of lists that are kept by a name."""
