"""What happened, told upward: rows written in the same transaction, relayed by jobs/outbox.py."""
