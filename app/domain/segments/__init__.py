"""Segments: one definition, one compiler."""
