"""The REST doors, one file a noun."""
