"""Flows in the browser: list, gallery, editor, review, one flow with its versions, the systems they may tell."""

from app.web import setting_words
from app.web.flows import (
    condition,
    crowd,
    deciding,
    destinations,
    edit,
    lists,
    panel,
    people,
    putting,
    review,
    show,
    verbs,
    words,
)
from app.web.flows.blueprint import bp

bp.add_app_template_global(words.run, "run_label")
bp.add_app_template_global(setting_words.told, "told")

__all__ = [
    "bp",
    "condition",
    "crowd",
    "deciding",
    "destinations",
    "edit",
    "lists",
    "panel",
    "people",
    "putting",
    "review",
    "show",
    "verbs",
]
