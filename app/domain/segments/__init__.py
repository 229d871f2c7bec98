"""Segments: one definition, one compiler (B1, B2, B3)."""
