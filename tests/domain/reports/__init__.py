"""Tests of the noun consent."""
