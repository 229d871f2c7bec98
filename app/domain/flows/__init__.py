"""Flows: journeys that staff draw and people walk."""
