"""People and their data."""
