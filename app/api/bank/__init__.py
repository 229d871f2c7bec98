"""/bank: programmes, balances, the runs of a month."""

from app.api.bank import balances, files, programmes, review, runs
from app.api.bank.blueprint import bp

__all__ = ["balances", "bp", "files", "programmes", "review", "runs"]
