"""What if: the month of a run by another threshold, rule or calendar, side by side with it. Nothing is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Conflict, mark
from app.core.sql import load
from app.domain.bank import balances, outcomes, programmes, qualification
from app.domain.bank.models import OUTCOMES, QualificationRun
from app.domain.bank.outcomes import Became
from app.domain.bank.programmes import Rule
from app.domain.bank.qualification import looks_at

_SQL = load("bank/queries.sql")


@dataclass(frozen=True)
class WhatIf:
    """A run and what it would be: customers by outcome, and who would change; both as calculated.

    `overridden` is how many outcomes of the run a person overrode, which is left out; with `has_moved`, balances came since.
    """

    run: QualificationRun
    totals: dict[str, int]
    would: dict[str, int]
    became: Sequence[Became]
    overridden: int
    has_moved: bool


def rule_of(session: Session, run_id: UUID, *, by: Actor) -> Rule:
    """What a run was judged by, to be asked otherwise. Raises NotFound, Forbidden."""
    version = programmes.version_of(session, qualification.get(session, run_id, by=by), by=by)
    return Rule.model_validate({name: getattr(version, name) for name in Rule.model_fields})


def ask(session: Session, run_id: UUID, rule: Rule, *, by: Actor) -> WhatIf:
    """Judge the month of a run by another rule, from the balances as they are now.

    Raises NotFound, Conflict (the run has not been calculated), Forbidden.
    """
    run = qualification.get(session, run_id, by=by)
    if run.calculated_at is None:
        raise Conflict(mark("This month has not been calculated yet."))
    asked = looks_at(session, run.month, rule)
    with qualification.by_the_set(session):
        rows = session.execute(_SQL["what_if"], asked | {"run": run.id}).all()
    return WhatIf(
        run,
        {name: sum(row.customers for row in rows if row.before == name) for name in OUTCOMES},
        {name: sum(row.customers for row in rows if row.after == name) for name in OUTCOMES},
        [Became(row.before, row.after, row.customers) for row in rows if row.before != row.after],
        outcomes.totals(session, run)["overridden"],
        balances.came_since(session, asked["first"], asked["after"], run.calculated_at),
    )
