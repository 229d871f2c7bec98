"""Segments in the browser: list, builder, one segment with its people and its reasons."""

from app.web.segments import edit, lists, show
from app.web.segments.blueprint import bp

__all__ = ["bp", "edit", "lists", "show"]
