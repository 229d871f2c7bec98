"""/bank/balances: take them, how far they are, a customer's month."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from app.api import envelope, jobs
from app.api.bank.blueprint import bp, month
from app.core.db import db
from app.domain.bank import balances, programmes
from app.domain.bank.balances import month_of
from app.domain.bank.models import Balance, BalanceDay
from app.http.auth import allow


class CheckInput(BaseModel):
    """The days to take balances of."""

    model_config = ConfigDict(extra="forbid")

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    programme: UUID | None = None


@bp.post("/balances/check")
@envelope.once("bank:write")
def check() -> ResponseReturnValue:
    """Take the balances of some days, again where they were taken; how far it is, /jobs says."""
    asked = envelope.body(CheckInput)
    if asked.programme:  # every programme looks at the same balances
        programmes.get(db.session(), asked.programme, by=g.actor)
    row = balances.ask(db.session(), asked.first, asked.last, by=g.actor)
    return envelope.ok(jobs.serialize(row), 202, location=f"/api/v1/jobs/{row.id}")


@bp.get("/balances/status")
@allow("bank:read")
@envelope.asks("month")
def status() -> ResponseReturnValue:
    """The days of a month, how far each is and what was wrong."""
    first, after = month_of(month(request.args.get("month", "")))
    return envelope.all_of(balances.listed(db.session(), first, after - timedelta(days=1), by=g.actor), _day)


def _day(row: BalanceDay) -> dict[str, Any]:
    names = ("day", "state", "records", "kept", "issues", "tries", "failure", "asked_at", "taken_at")
    return {name: getattr(row, name) for name in names}


@bp.get("/balances/<external_id>")
@allow("bank:read")
@envelope.asks("month", "versions")
def history(external_id: str) -> ResponseReturnValue:
    """A customer's month: the newest version of each day first, or all of them with `versions=all`."""
    session = db.session()
    first, after = month_of(month(request.args.get("month", "")))
    last = after - timedelta(days=1)
    contact = balances.whose(session, external_id, by=g.actor)
    every = request.args.get("versions") == "all"
    rows = balances.of_contact(session, contact, first, last, every_version=every, by=g.actor)
    wrong = {issue.day: issue.kind for issue in balances.issues_of(session, contact, first, last, by=g.actor)}
    return envelope.all_of(rows, lambda row: _balance(row, wrong))


def _balance(row: Balance, wrong: dict[date, str]) -> dict[str, Any]:
    out = {
        "date": row.day,
        "amount": str(row.amount),
        "currency": row.currency,
        "version": row.version,
        "account": row.account,
        "account_type": row.account_type,
        "source": row.source,
    }
    return out | ({"issue": wrong[row.day]} if row.day in wrong else {})
