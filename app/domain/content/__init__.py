"""Templates: texts, their versions and how they are rendered."""
