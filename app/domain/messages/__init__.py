"""One door: every message is made by enlist and ends in receipts (E4, E5, E6, D7)."""
