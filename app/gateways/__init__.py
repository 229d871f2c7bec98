"""The outside world: every file speaks one wire format and knows no tables, settings or Flask."""
