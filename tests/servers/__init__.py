"""Throw-away servers for tests and measurements."""
