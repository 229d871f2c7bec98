"""When customers may be written to: allowed hours, Shabbat, holidays."""
