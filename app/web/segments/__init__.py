"""Segments in the browser: list, builder, one segment with its people and its reasons (B1, B3, B5, B6)."""

from app.web.segments import edit, lists, show
from app.web.segments.blueprint import bp

__all__ = ["bp", "edit", "lists", "show"]
