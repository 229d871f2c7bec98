"""Qualification in the browser: the days of a month, programmes, runs, their review and what became of whom."""

from app.web.bank import checks, files, month, programmes, review, runs
from app.web.bank.blueprint import bp

bp.add_app_template_global(programmes.rule_sentence, "rule_sentence")

__all__ = ["bp", "checks", "files", "month", "programmes", "review", "runs"]
