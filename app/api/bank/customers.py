"""/bank/runs/{id}/outcomes/{external_id}: one customer's month, day by day."""

from typing import Any
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.bank.blueprint import bp
from app.core.db import db
from app.domain.bank import balances, days
from app.domain.bank.days import Day
from app.http.auth import allow


@bp.get("/runs/<uuid:run_id>/outcomes/<external_id>")
@allow("bank:read")
def customer(run_id: UUID, external_id: str) -> ResponseReturnValue:
    """What became of one customer, why in a sentence, and every day with all that was told of it."""
    session = db.session()
    contact = balances.whose(session, external_id, by=g.actor)
    month = days.of_customer(session, run_id, contact, by=g.actor)
    found = month.outcome
    return envelope.ok(
        {
            "external_id": external_id, "outcome": found.outcome, "why": str(month.why), "days_passed": found.days_passed,
            "days_required": found.days_required, "threshold": str(month.version.threshold), "currency": month.version.currency,
            "days": [_day(one) for one in month.days],
        }
    )  # fmt: skip


def _day(one: Day) -> dict[str, Any]:
    told = [
        {
            "version": row.version,
            "account": row.account,
            "account_type": row.account_type,
            "amount": str(row.amount),
            "currency": row.currency,
            "source": row.source,
            "taken_at": row.taken_at,
        }
        for row in one.versions
    ]
    return {
        "date": one.day, "verdict": one.verdict, "amount": None if one.amount is None else str(one.amount),
        "accounts": {account: str(held) for account, held in one.parts.items()}, "carried_from": one.carried_from,
        "issues": one.issues, "versions": told,
    }  # fmt: skip
