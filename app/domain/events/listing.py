"""Events as they came in, and which names there are: how often each, and who waits for it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.db import live
from app.core.page import Ask, Page, fetch
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.contacts.models import Contact
from app.domain.events.models import Event, EventInterest

_SQL = load("events/queries.sql")
DAY, MONTH = timedelta(days=1), timedelta(days=30)


@dataclass(frozen=True)
class Line:
    """An event in a list; `external_id` is of its contact, if it is a contact's."""

    id: UUID
    name: str
    properties: dict[str, Any]
    occurred_at: datetime
    received_at: datetime
    source: str
    is_verified: bool
    contact_id: UUID | None
    visitor_id: UUID | None
    external_id: str | None


@dataclass(frozen=True)
class Name:
    """A name of events: how often it was told in a day and in 30 days, and which flows and segments wait for it."""

    name: str
    day: int
    month: int
    listeners: tuple[tuple[str, UUID], ...] = ()


def span(now: datetime) -> dict[str, datetime]:
    """The month that is counted, and the first day of the oldest partition it reaches into."""
    month = now.astimezone(UTC) - MONTH
    return {"month": month, "first": month.replace(day=1, hour=0, minute=0, second=0, microsecond=0)}


def count_hours(session: Session) -> None:
    """Count the hours that are over, for the list of names."""
    wanted = {"organisation": actor_of(session).organisation_id, "now": clock.now(), **span(clock.now())}
    session.execute(_SQL["count_hours"], wanted)
    session.execute(_SQL["forget_hours"], wanted)


def listed(session: Session, ask: Ask, *, name: str = "", by: Actor) -> Page[Line]:
    """Events as they came in, the newest first; those of a name by when they happened. Raises Forbidden."""
    require(by, "events:read")
    events, contacts = live(Event).c, live(Contact).c
    columns = [getattr(events, one) for one in Line.__dataclass_fields__ if one != "external_id"]
    query = select(*columns, contacts.external_id).outerjoin(live(Contact), contacts.id == events.contact_id)
    if name:
        page = fetch(session, query.where(events.name == name), [events.occurred_at, events.id], ask, descending=True)
    else:
        page = fetch(session, query, [events.id], ask, descending=True)
    lines = [Line(*row[: len(columns) + 1]) for row in page.items]
    return Page(lines, page.next, page.prev, page.total, page.per_page)


def names(session: Session, *, by: Actor) -> list[Name]:
    """Every name that was told within 30 days or is waited for, the most frequent first. Raises Forbidden."""
    require(by, "events:read")
    now, wanted = clock.now(), live(EventInterest).c
    told = session.execute(_SQL["names"], {"day": now - DAY, **span(now)}).all()
    listeners: dict[str, list[tuple[str, UUID]]] = {}
    for row in session.execute(select(wanted.name, wanted.consumer, wanted.subject_id).order_by(wanted.subject_id)):
        listeners.setdefault(row.name, []).append((row.consumer, row.subject_id))
    found = [Name(row.name, row.day, row.month, tuple(listeners.pop(row.name, ()))) for row in told]
    return [*found, *(Name(name, 0, 0, tuple(who)) for name, who in sorted(listeners.items()))]
