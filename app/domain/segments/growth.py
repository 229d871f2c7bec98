"""How a segment grew, day by day, and who came or went lately, and why."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.db import live
from app.core.errors import Invalid, mark
from app.core.page import Ask, Page, fetch
from app.core.sql import load
from app.domain.access.keyring import organisation_of
from app.domain.events.retention import kept_since
from app.domain.segments import days as calendar
from app.domain.segments.context import contact
from app.domain.segments.models import Segment, SegmentMember, SegmentMove

_SQL = load("segments/members.sql")
MOST = 400  # days
FIRST = "first_count"


@dataclass(frozen=True)
class Day:
    """How many entered and left on a day of the organisation, and how many were in it at its end.

    No number is of a day on which it was not counted yet, or of one that is not kept any longer.
    """

    day: date
    size: int | None
    entered: int
    left: int


def by_day(session: Session, segment: Segment, number: int = 90, *, by: Actor) -> list[Day]:
    """The last days, today included. Whoever was in it at the first count did not enter on that day. Raises Invalid."""
    require(by, "segments:read")
    if not 1 <= number <= MOST:
        raise Invalid.field("days", mark("Ask for 1 to %(most)s days."), most=MOST)
    zone = organisation_of(session).timezone
    first = clock.today(zone) - timedelta(days=number - 1)
    asked = {"segment": segment.id, "zone": zone, "since": calendar.begin(first, zone)}
    moved = {row.day: row for row in session.execute(_SQL["growth"], asked)}
    member = live(SegmentMember).c
    size = session.execute(select(func.count()).where(member.segment_id == segment.id)).scalar_one()
    whole = calendar.day_of(kept_since(session), zone) + timedelta(days=1)
    begun = max(calendar.day_of(segment.filled_at, zone), whole) if segment.filled_at else None
    found = []
    for day in (clock.today(zone) - timedelta(days=back) for back in range(number)):  # back from what is known now
        row = moved.get(day)
        came, went, was = (row.came, row.went, row.was) if row else (0, 0, 0)
        found.append(Day(day, size if begun and day >= begun else None, came - was, went))
        size -= came - went
    return found[::-1]


def moves(
    session: Session, segment: Segment, ask: Ask, *, entered: bool | None = None, is_whole: bool = False, by: Actor
) -> Page[Row[Any]]:
    """A page of who came and who went, newest first, without personal data; `entered` asks for one of the two.

    `known` is null of whoever is no longer there. `is_whole` has those of the first count, too: all moves, one after the other,
    give who is in it.
    """
    require(by, "contacts:read")
    move = live(SegmentMove)
    query = (
        select(move, contact.c.external_id, contact.c.id.label("known"))
        .outerjoin(contact, contact.c.id == move.c.contact_id)
        .where(move.c.segment_id == segment.id)
    )
    if entered is not None:
        query = query.where(move.c.entered == entered)
    if not is_whole:
        query = query.where(move.c.reason != FIRST)
    return fetch(session, query, [move.c.at, move.c.id], ask, descending=True)
