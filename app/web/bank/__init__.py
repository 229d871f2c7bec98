"""Qualification in the browser: the days of a month, programmes, runs, whatif, their review and what became of whom."""

from app.web.bank import customer, forecast, month, programmes, runs, whatif
from app.web.bank.blueprint import bp

__all__ = ["bp", "customer", "forecast", "month", "programmes", "runs", "whatif"]
