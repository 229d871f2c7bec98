"""Segments in the browser: list, builder, one segment with its people and its reasons."""

from app.web.segments import edit, growth, lists, overlap, show, versions
from app.web.segments.blueprint import bp

__all__ = ["bp", "edit", "growth", "lists", "overlap", "show", "versions"]
