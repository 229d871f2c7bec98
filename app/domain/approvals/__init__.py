"""The one four-eyes mechanism, bound to a digest of what will happen."""
