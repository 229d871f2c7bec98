"""Events: what customers do, as it is told by pages and systems."""
