"""Tests: every floor's own, the stories through all of them, and the house's tests of itself."""
