"""Flows in the browser: list, gallery, editor, review, one flow with its versions, the systems they may tell."""

from app.web.flows import condition, destinations, edit, lists, panel, review, show, verbs
from app.web.flows.blueprint import bp

__all__ = ["bp", "condition", "destinations", "edit", "lists", "panel", "review", "show", "verbs"]
