"""Mail to staff and managers, from a durable row."""
