"""/bank/what-if: the month of a run by another rule; nothing is kept."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict

from app.api import envelope
from app.api.bank.blueprint import bp
from app.core.db import db
from app.domain.bank import whatif
from app.domain.bank.programmes import Rule
from app.http import inputs


class WhatIfInput(BaseModel):
    """A run, and what would be otherwise; what is not given stays as the run has it."""

    model_config = ConfigDict(extra="forbid")

    run: UUID
    threshold: Decimal | None = None
    currency: str | None = None
    rule: str | None = None
    days: int | None = None
    calendar: str | None = None
    carry_days: int | None = None
    opening: str | None = None
    accounts: list[str] | None = None


@bp.post("/what-if")
@envelope.once("bank:read")
def what_if() -> ResponseReturnValue:
    """The outcomes of a run beside those by another rule, and how many customers would change.

    All of it is as calculated; `overridden` is how many outcomes of the run a person overrode.
    """
    session, asked = db.session(), envelope.body(WhatIfInput)
    own = whatif.rule_of(session, asked.run, by=g.actor).model_dump()
    given = asked.model_dump(exclude={"run"}, exclude_none=True)
    if given.get("rule", own["rule"]) != own["rule"]:
        own["days"] = None
    if given.get("calendar", own["calendar"]) != own["calendar"]:
        own["carry_days"] = 0
    rule = inputs.read(Rule, own | given)
    found = whatif.ask(session, asked.run, rule, by=g.actor)
    answer: dict[str, Any] = {
        "run": found.run.id, "asked": rule.model_dump(mode="json"), "totals": found.totals, "would": found.would,
        "became": [{"from": one.before, "to": one.after, "count": one.count} for one in found.became],
        "overridden": found.overridden, "balances_since": found.has_moved,
    }  # fmt: skip
    return envelope.ok(answer)
