"""Events: what customers do."""
