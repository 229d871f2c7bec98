"""The browser's doors, one file a noun."""
