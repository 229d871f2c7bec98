"""People and things for tests, made through the product's own vault and verbs."""
