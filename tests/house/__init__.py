"""The house tests itself."""
