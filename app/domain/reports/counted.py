"""What takes a pass over everything is counted once a minute for all who look at it, and says when it was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import changed
from app.core.unit import actor_of
from app.domain.reports.models import KeptCount
from app.domain.reports.period import Period

FRESH = timedelta(minutes=1)
LOOKED_AT = timedelta(hours=1)


@dataclass(frozen=True)
class Counted:
    """The rows of a count, each a list of plain values, and when it was made."""

    at: datetime
    rows: Sequence[Sequence[Any]]


def once_a_minute(session: Session, name: str, period: Period, query: Callable[[Period], Select[Any]]) -> Counted:
    """What a query of texts, numbers and days finds, or has found within the last minute, whoever asked; days in ISO."""
    now, asked = clock.now(), f"{period.first}/{period.last} {period.zone}"
    known = select(KeptCount.at, KeptCount.found).where(KeptCount.name == name, KeptCount.asked == asked)
    kept = session.execute(known).one_or_none()
    if kept and now - FRESH < kept.at <= now:
        return Counted(*kept)
    rows = [[str(one) if isinstance(one, date) else one for one in row] for row in session.execute(query(period))]
    key = {"organisation_id": actor_of(session).organisation_id, "name": name, "asked": asked}
    new = {"at": now, "found": rows}
    session.execute(insert(KeptCount).values(**key, **new).on_conflict_do_update(index_elements=[*key], set_=new))
    return Counted(now, rows)


def forget(session: Session) -> int:
    """Drop the counts nobody has asked for lately; how many."""
    return changed(session, delete(KeptCount).where(KeptCount.at < clock.now() - LOOKED_AT))
