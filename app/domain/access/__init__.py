"""Organisations, users, roles, sessions, second factors and keys."""
