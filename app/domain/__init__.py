"""The product, one package a noun; the ladder of nouns stands in app/__init__.py."""
