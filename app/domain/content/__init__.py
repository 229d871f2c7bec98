"""Templates: texts, their versions and how they are rendered (C1, C2, C3, C8)."""
