"""Flows that begin by the clock: a date of the contact's, in his zone; or a time of day, for everybody of a segment.

Each looks at the time that has gone by since it looked last, so that nothing is missed by an outage and nothing begins twice.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.access.keyring import organisation_of
from app.domain.flows import engine, starts
from app.domain.flows.course import Course, course_of
from app.domain.flows.models import Flow
from app.domain.flows.steps import OnDate, OnSchedule
from app.domain.flows.triggers import members
from app.domain.segments.context import contact
from app.domain.segments.days import anniversaries, shifted
from app.domain.segments.fields import catalogue

EVERY = timedelta(minutes=1)


def tick(session: Session) -> int:
    """Let begin what the clock has brought, for every flow that has not looked for a minute; how many people."""
    return sum(_look(session, flow) for flow in session.execute(_due().with_for_update(skip_locked=True)).scalars())


def is_due(session: Session) -> bool:
    """True if a flow has not looked for a minute."""
    return session.execute(_due().limit(1)).first() is not None


def _due() -> Any:
    return select(Flow).where(Flow.state == "active", Flow.looked_at <= clock.now() - EVERY).order_by(Flow.id)


def _look(session: Session, flow: Flow) -> int:
    assert flow.version_id is not None
    assert flow.looked_at is not None
    course, until = course_of(session, flow.version_id), clock.now()
    since, flow.looked_at = _since(course, flow.looked_at, until), until
    session.flush()
    trigger = course.chart.trigger
    if isinstance(trigger, OnSchedule):
        return _schedule(session, flow, course, trigger, (since, until))
    assert isinstance(trigger, OnDate)
    return _date(session, flow, trigger, (since, until))


def _since(course: Course, looked: datetime, now: datetime) -> datetime:
    """What is too late begins only where the flow says that it is done all the same."""
    rules = course.chart.rules
    return looked if rules.late == "send" else max(looked, now - timedelta(hours=rules.late_hours))


def _schedule(
    session: Session, flow: Flow, course: Course, trigger: OnSchedule, span: tuple[datetime, datetime]
) -> int:
    """Once, however many of its moments have gone by."""
    days = engine.moments(trigger.at, organisation_of(session).timezone, *span)
    if trigger.segment_id is None or not any(_is_meant(trigger, day) for day in days):
        return 0
    return starts.enter(session, flow, members(session, course, trigger.segment_id), {"type": "schedule"})


def _is_meant(trigger: OnSchedule, day: date) -> bool:
    if not (trigger.weekdays or trigger.days):
        return True
    return day.weekday() in trigger.weekdays or day.day in trigger.days


def _date(session: Session, flow: Flow, trigger: OnDate, span: tuple[datetime, datetime]) -> int:
    """For each day that came somewhere, whoever lives there and has this date; a yearly one once a year."""
    number, zones = 0, _zones(trigger.at, span)
    for day in sorted(zones):
        meant = shifted(day, -trigger.offset_days, "days")
        audience = select(contact.c.id).where(
            func.coalesce(contact.c.timezone, organisation_of(session).timezone).in_(zones[day]),
            _falls(_said(session, str(trigger.field)), meant, trigger),
        )
        key = literal(str(meant.year) if trigger.yearly else meant.isoformat()).label("key")
        number += starts.enter(session, flow, audience.add_columns(key), {"type": "date", "day": meant.isoformat()})
    return number


def _zones(at: str, span: tuple[datetime, datetime]) -> dict[date, list[str]]:
    """The days on which the time of day came, with the zones where it did."""
    found: dict[date, list[str]] = defaultdict(list)
    for zone in available_timezones():
        for day in engine.moments(at, zone, *span):
            found[day].append(zone)
    return found


def _said(session: Session, field: str) -> ColumnElement[Any]:
    """The date of a field, as text."""
    known = catalogue(session).get(field)
    if known is not None and known.source == "property":
        found: ColumnElement[Any] = contact.c.properties[known.key].astext
        return found
    zone = func.coalesce(contact.c.timezone, organisation_of(session).timezone)
    return func.to_char(func.timezone(zone, contact.c[field]), "YYYY-MM-DD")


def _falls(said: ColumnElement[Any], day: date, trigger: OnDate) -> ColumnElement[bool]:
    """Those whose date is this day, or its anniversary: the 29th of February is kept on the 28th of common years."""
    if not trigger.yearly:
        return said == day.isoformat()
    return func.substr(said, 6, 5).in_(anniversaries(day, 0, "days")) & (said <= day.isoformat())
