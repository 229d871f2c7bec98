"""How many will qualify in the month that runs: who is on track, at risk or lost, and how good such a forecast was before."""

from collections.abc import Sequence
from dataclasses import dataclass, field
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

    Of its `days` up to then `known` were taken; the others are left out, as if they had been like those. `rate` is how many
    qualified in past months for one on track on the same day; without past months, or with too few days known, nothing is expected.
    `error` is how far off, on average, the forecasts of past months would have been, as a share of who qualified.
    """

    programme: Programme
    month: date
    day: date | None = None
    days: int = 0
    known: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STANDINGS, 0))
    rate: float | None = None
    months: int = 0
    error: float | None = None

    @property
    def customers(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def is_thin(self) -> bool:
        """True where less than half of the days so far are known: too few to foresee anything from."""
        return 2 * self.known < max(self.days, 1)

    @property
    def expected(self) -> int | None:
        """How many will qualify, as far as past months tell."""
        return None if self.rate is None or self.is_thin else round(self.counts["on_track"] * self.rate)


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
        return Forecast(programme, month)
    asked, days = _asked(session, month, programmes.current(session, programme), day)
    found = _standings(asked).c
    with by_the_set(session):
        counts: dict[str, int] = dict(
            session.execute(select(found.standing, func.count()).group_by(found.standing)).all()
        )
    past = _past(session, programme, month, day.day)
    rates = [qualified / on_track for on_track, qualified in past if on_track]
    # What each past month would have been told to become by those before it.
    misses = [
        abs(on_track * fmean(rates[:place]) - qualified) / qualified
        for place, (on_track, qualified) in enumerate(past)
        if rates[:place] and qualified
    ]
    return Forecast(
        programme, month, day, days, asked["required"], dict.fromkeys(STANDINGS, 0) | counts,
        fmean(rates) if rates else None, len(rates), fmean(misses) if misses else None,
    )  # fmt: skip


def listed(session: Session, programme_id: UUID, standing: str, ask: Ask, *, by: Actor) -> Page[Standing]:
    """A page of the customers of one standing, the nearest to the threshold first. Raises NotFound, Forbidden."""
    programme = programmes.get(session, programme_id, by=by)
    month, day = so_far(session)
    if day is None:
        return Page([], total=0)
    asked, _days = _asked(session, month, programmes.current(session, programme), day)
    found = _standings(asked).c
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


def _asked(session: Session, month: date, version: ProgrammeVersion, day: date) -> tuple[dict[str, Any], int]:
    """What customers are judged by up to a day, and how many days the programme counts until then.

    A day whose balances were not taken is none: without it everybody would be at risk. The days that are left may all be good ones.
    """
    asked = looks_at(session, month, version, day + timedelta(days=1))
    carried = [timedelta(days=n) for n in range(version.carry_days + 1)]
    there = BalanceDay.day.between(month - carried[-1], day), BalanceDay.state == "taken"
    taken = set(session.execute(select(BalanceDay.day).where(*there)).scalars())
    known = [one for one in asked["month"] if any(one - days in taken for days in carried)]
    left = looks_at(session, month, version)["required"] - len(known)
    unknown = [one for one in asked["month"] if one not in known]
    values = {"month": known, "required": len(known), "exempt": [*asked["exempt"], *unknown], "margin": MARGIN}
    return asked | values | {"days": asked["days"] - left}, len(asked["month"])


def _standings(asked: dict[str, Any]) -> Subquery:
    """Customers as they stand by what they are judged by."""
    columns = {"contact_id": Uuid, "standing": Text, "distance": Numeric, "first_below": Date, "latest": Numeric}
    return _SQL["standings"].bindparams(**asked).columns(**columns).subquery()


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
    found = list(session.execute(runs).scalars())[::-1]
    asked = {"runs": [run.id for run in found], "days": days, "margin": MARGIN}
    were: dict[UUID, int] = dict(session.execute(_SQL["were_on_track"], asked).all())
    return [(were.get(run.id, 0), (run.totals or {})["qualified"]) for run in found]
