"""The demonstration bank while it is made: whose turn it is, when, and what there is already."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import Actor, system
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access.models import User
from app.domain.access.permissions import of_role
from app.domain.calendar import holidays

ZONE = ZoneInfo("Asia/Jerusalem")
WEEKEND = (4, 5)  # Friday and Saturday, as date.weekday counts

Step = tuple[datetime, Callable[[], object]]  # what happens when the clock stands there


class When(NamedTuple):
    """A moment so many days ago, or on the working day before that."""

    days_ago: int
    hour: int
    minute: int = 0


OPENED = When(21, 8)


@dataclass
class Bank:
    """The bank and its people; `now` is when it is made. Segments, texts, campaigns and flows are found by their names here."""

    factory: sessionmaker[Session]
    settings: Settings
    now: datetime
    organisation_id: UUID = field(default=UUID(int=0))
    segments: dict[str, UUID] = field(default_factory=dict)
    texts: dict[str, UUID] = field(default_factory=dict)
    campaigns: dict[str, UUID] = field(default_factory=dict)
    flows: dict[str, UUID] = field(default_factory=dict)

    def moment(self, when: When) -> datetime:
        """The moment itself."""
        day = self.now.astimezone(ZONE).date() - timedelta(days=when.days_ago)
        return datetime.combine(working(day, -1), time(when.hour, when.minute), ZONE)

    @contextmanager
    def by(self, role: str) -> Iterator[tuple[Session, Actor]]:
        """A unit of work of whoever has this role, with a code just shown."""
        with self.open_unit() as session:
            actor = actor_of(session, role)
        with unit_of_work(self.factory, actor) as session:
            yield session, actor

    @property
    def open_unit(self) -> Callable[[], AbstractContextManager[Session]]:
        """Units of work of the system, as the workers have them."""
        return partial(unit_of_work, self.factory, system(self.organisation_id))


def actor_of(session: Session, role: str) -> Actor:
    """Whoever has this role, with a code just shown."""
    user = session.execute(select(User).where(User.role == role).order_by(User.id).limit(1)).scalar_one()
    return Actor(user.organisation_id, "user", user.id, user.name, role, of_role(role), factor_at=clock.now())


def working(day: date, step: int) -> date:
    """The day, or the next working one before (-1) or after (1) it."""
    while day.weekday() in WEEKEND or day in holidays.of_year("IL", day.year):
        day += timedelta(days=step)
    return day
