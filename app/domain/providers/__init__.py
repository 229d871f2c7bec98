"""Accounts with those who carry messages, and the choice between them."""
