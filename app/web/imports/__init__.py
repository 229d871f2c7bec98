"""Imports in the browser: upload, columns and options, trial, progress, result."""

from app.web.imports import lists, show, upload, wizard
from app.web.imports.blueprint import bp

__all__ = ["bp", "lists", "show", "upload", "wizard"]
