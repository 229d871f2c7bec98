"""/bank: programmes, balances, the runs of a month."""

from app.api.bank import balances, programmes, review, runs
from app.api.bank.blueprint import bp

__all__ = ["balances", "bp", "programmes", "review", "runs"]
