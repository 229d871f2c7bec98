"""People and their data (A1)."""
