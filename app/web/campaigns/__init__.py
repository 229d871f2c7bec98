"""Campaigns in the browser: list, form, show, review and the verbs of their life."""

from app.web.campaigns import edit, lists, review, show, shown, verbs
from app.web.campaigns.blueprint import bp

bp.add_app_template_global(shown.language, "language_label")

__all__ = ["bp", "edit", "lists", "review", "show", "verbs"]
