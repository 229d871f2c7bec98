"""Programmes, the balances of every day, and runs that decide who qualified in a month."""

from app.domain.bank.models.balances import (
    DAY_STATES,
    ISSUES,
    Balance,
    BalanceCheck,
    BalanceDay,
    BalanceFile,
    BalanceIssue,
    BalanceMark,
)
from app.domain.bank.models.runs import (
    CALENDARS,
    OUTCOMES,
    RULES,
    RUN_STATES,
    Notice,
    Outcome,
    Override,
    Programme,
    ProgrammeVersion,
    QualificationRun,
    Sampled,
)

__all__ = [
    "CALENDARS",
    "DAY_STATES",
    "ISSUES",
    "OUTCOMES",
    "RULES",
    "RUN_STATES",
    "Balance",
    "BalanceCheck",
    "BalanceDay",
    "BalanceFile",
    "BalanceIssue",
    "BalanceMark",
    "Notice",
    "Outcome",
    "Override",
    "Programme",
    "ProgrammeVersion",
    "QualificationRun",
    "Sampled",
]
