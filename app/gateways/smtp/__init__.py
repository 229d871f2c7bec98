"""SMTP as a client speaks it, for every adapter that needs it."""
