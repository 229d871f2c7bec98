"""Timeline: one person's whole history."""
