"""The days on which customers came to the bank, as its feed tells them: with them, or with each of their accounts."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.bank import accounts
from app.domain.bank.amounts import Value

_SQL = load("bank/queries.sql")


def keep(session: Session, values: Sequence[Value]) -> set[date]:
    """Keep what some records say of the day their customers came; the days whose months look otherwise now, before and after."""
    told = {
        value.record.external_id: value.opened_on for value in values if value.opened_on and not value.record.account
    }
    told |= accounts.came(session, {one.record.external_id for one in values if one.opened_on and one.record.account})
    if not told:
        return set()
    given = {
        "organisation": actor_of(session).organisation_id, "now": clock.now(), "customers": list(told),
        "days": list(told.values()),
    }  # fmt: skip
    moved = session.execute(_SQL["note_openings"], given).all()
    return {day for row in moved for day in row if day}
