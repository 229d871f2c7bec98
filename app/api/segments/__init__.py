"""/segments: definitions and their versions, counts, who is in them, who came and went, overlaps."""

from app.api.segments import definitions, moves, versions
from app.api.segments.blueprint import bp

__all__ = ["bp", "definitions", "moves", "versions"]
