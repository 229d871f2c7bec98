"""Organisations, users, roles, sessions, second factors and keys (J1, J2, J4)."""
