"""Imports (A3)."""
