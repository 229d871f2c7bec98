"""How many will qualify in the month that runs: who is on track, at risk or lost, and how good such a forecast was before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import fmean
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Numeric, Subquery, Text, Uuid, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.db import live
from app.core.page import Ask, Page, fetch
from app.core.sql import load
from app.domain.access.keyring import organisation_of
from app.domain.bank import programmes
from app.domain.bank.balances import month_of
from app.domain.bank.models import BalanceDay, Programme, ProgrammeVersion, QualificationRun
from app.domain.bank.qualification import by_the_set, looks_at
from app.domain.contacts.models import Contact

STANDINGS = ("on_track", "at_risk", "lost", "unknown")
MARGIN = Decimal("1.05")  # of the threshold: below it on the latest day, a month is at risk
MONTHS = 3  # that are looked back at
_SQL = load("bank/queries.sql")


@dataclass(frozen=True)
class Forecast:
    """A month as far as it goes: its last day whose balances were taken, and customers by standing.

    `rate` is how many qualified in past months for one on track on the same day; without past months nothing is expected.
    `error` is how far off, on average, the forecasts of past months would have been, as a share of who qualified.
    """

    programme: Programme
    month: date
    day: date | None
    counts: dict[str, int]
    rate: float | None
    months: int
    error: float | None

    @property
    def customers(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def expected(self) -> int | None:
        """How many will qualify, as far as past months tell."""
        return None if self.rate is None else round(self.counts["on_track"] * self.rate)


@dataclass(frozen=True)
class Standing:
    """A customer in the month that runs: what is missing to the threshold, or to spare above it."""

    contact_id: UUID
    external_id: str
    standing: str
    distance: Decimal
    first_below: date | None
    latest: Decimal | None


def read(session: Session, programme_id: UUID, *, by: Actor) -> Forecast:
    """The forecast of a programme for the month that runs. Raises NotFound, Forbidden."""
    programme = programmes.get(session, programme_id, by=by)
    month, day = so_far(session)
    if day is None:
        return Forecast(programme, month, None, dict.fromkeys(STANDINGS, 0), None, 0, None)
    counts = _counts(session, _standings(session, month, programmes.current(session, programme), day.day))
    past = _past(session, programme, month, day.day)
    rates = [qualified / on_track for on_track, qualified in past if on_track]
    # What each past month would have been told to become by those before it.
    misses = [
        abs(on_track * fmean(rates[:place]) - qualified) / qualified
        for place, (on_track, qualified) in enumerate(past)
        if rates[:place] and qualified
    ]
    return Forecast(
        programme, month, day, counts, fmean(rates) if rates else None, len(rates), fmean(misses) if misses else None
    )


def listed(session: Session, programme_id: UUID, standing: str, ask: Ask, *, by: Actor) -> Page[Standing]:
    """A page of the customers of one standing, the nearest to the threshold first. Raises NotFound, Forbidden."""
    programme = programmes.get(session, programme_id, by=by)
    month, day = so_far(session)
    if day is None:
        return Page([], total=0)
    found = _standings(session, month, programmes.current(session, programme), day.day).c
    query = select(found.contact_id, found.distance, found.first_below, found.latest).where(found.standing == standing)
    with by_the_set(session):
        page = fetch(session, query, [found.distance, found.contact_id], ask)
    contact = live(Contact).c
    ids = [one.contact_id for one in page.items]
    named = dict(session.execute(select(contact.id, contact.external_id).where(contact.id.in_(ids))).all())
    items = [
        Standing(one.contact_id, named.get(one.contact_id) or "", standing, one.distance, one.first_below, one.latest)
        for one in page.items
    ]
    return Page(items, page.next, page.prev, page.total, page.per_page)


def so_far(session: Session) -> tuple[date, date | None]:
    """The month that runs, and its last day whose balances are there."""
    first, after = month_of(clock.today(organisation_of(session).timezone))
    there = BalanceDay.day >= first, BalanceDay.day < after, BalanceDay.state == "taken"
    return first, session.execute(select(func.max(BalanceDay.day)).where(*there)).scalar()


def _standings(session: Session, month: date, version: ProgrammeVersion, days: int) -> Subquery:
    """Customers as they stood after so many days of a month."""
    first, end = month_of(month)
    after = min(first + timedelta(days=days), end)
    asked: dict[str, Any] = looks_at(session, month, version, after)
    left = looks_at(session, month, version)["required"] - asked["required"]
    asked |= {"days": asked["days"] - left, "margin": MARGIN}  # the days that are left may all be good ones
    statement = _SQL["standings"].bindparams(**asked)
    columns = {"contact_id": Uuid, "standing": Text, "distance": Numeric, "first_below": Date, "latest": Numeric}
    return statement.columns(**columns).subquery()


def _counts(session: Session, standings: Subquery) -> dict[str, int]:
    query = select(standings.c.standing, func.count()).group_by(standings.c.standing)
    with by_the_set(session):
        return dict.fromkeys(STANDINGS, 0) | dict(session.execute(query).all())


def _past(session: Session, programme: Programme, month: date, days: int) -> Sequence[tuple[int, int]]:
    """Of the last months, the oldest first: who was on track after so many days, and who qualified in the end."""
    runs = (
        select(QualificationRun)
        .where(
            QualificationRun.programme_id == programme.id,
            QualificationRun.month < month,
            QualificationRun.totals.is_not(None),
        )
        .ext(distinct_on(QualificationRun.month))
        .order_by(QualificationRun.month.desc(), QualificationRun.version.desc())
        .limit(MONTHS)
    )
    found = []
    for run in reversed(session.execute(runs).scalars().all()):
        version = session.get_one(ProgrammeVersion, run.programme_version_id)
        counts = _counts(session, _standings(session, run.month, version, days))
        found.append((counts["on_track"], (run.totals or {})["qualified"]))
    return found
