"""Qualification in the browser: the days of a month, programmes, runs, whatif, their review and what became of whom."""

from app.web.bank import checks, customer, files, forecast, month, programmes, review, runs, whatif
from app.web.bank.blueprint import bp

bp.add_app_template_global(programmes.rule_sentence, "rule_sentence")
bp.add_app_template_global(programmes.account_word, "account_word")
bp.add_app_template_global(runs.gate_limit, "gate_limit")

__all__ = ["bp", "checks", "customer", "files", "forecast", "month", "programmes", "review", "runs", "whatif"]
