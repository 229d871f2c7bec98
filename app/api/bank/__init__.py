"""/bank: programmes, balances, the runs of a month."""

from app.api.bank import balances, cohorts, customers, files, forecast, programmes, review, runs, whatif
from app.api.bank.blueprint import bp

__all__ = ["balances", "bp", "cohorts", "customers", "files", "forecast", "programmes", "review", "runs", "whatif"]
