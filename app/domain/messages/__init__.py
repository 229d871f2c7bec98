"""One door: every message is made by create_messages and ends in receipts."""
