"""Ways to reach a person: one adapter per provider behind the protocol in base.py."""
