"""One door: every message is made by create_messages and ends in receipts (E4, E5, E6, D7)."""
