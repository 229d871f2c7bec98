"""Values a field has now, for whoever writes a condition: the most frequent to choose from, and those that nobody has."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import live
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.contacts.models import Contact
from app.domain.events.models import Event
from app.domain.segments import dependencies
from app.domain.segments.definition import Definition, conditions
from app.domain.segments.fields import Field, catalogue
from app.domain.segments.kinds.field import FieldIs

LOOKED_AT = 20_000  # contacts
OFFERED = 20
MOST_ASKED = 500  # values of one condition
SHOWN = 10
_KEPT = timedelta(seconds=30)
NAMES = 100
_SQL = load("segments/queries.sql")
_NAMES, _PROPERTIES = _SQL["event_names"], _SQL["event_properties"]
_found: dict[tuple[UUID, str], tuple[datetime, list[str]]] = {}


def of(session: Session, field: Field) -> list[str]:
    """Up to twenty values of a text field; none where nearly everybody has one of his own, or it is not kept in clear."""
    if field.type != "text" or field.source not in ("column", "property") or field.name == "external_id":
        return []
    return _remembered(session, field.name, lambda: _frequent(session, field))


def _remembered(session: Session, what: str, ask: Callable[[], list[str]]) -> list[str]:
    key, now = (actor_of(session).organisation_id, what), clock.now()
    kept_at, kept = _found.get(key, (None, []))
    if kept_at is not None and kept_at <= now < kept_at + _KEPT:
        return kept
    _found[key] = now, ask()
    return _found[key][1]


def _frequent(session: Session, field: Field) -> list[str]:
    contacts, value = live(Contact).c, _column(field)
    some = (
        select(value.label("value"))
        .where(contacts.deleted_at.is_(None), value.is_not(None))
        .limit(LOOKED_AT)
        .subquery()
    )
    often = func.count().label("often")
    query = select(some.c.value).group_by(some.c.value).having(often > 1).order_by(often.desc(), some.c.value)
    return list(session.execute(query.limit(OFFERED)).scalars())


def event_names(session: Session) -> list[str]:
    """The names of events that contacts and visitors did, by name: one look into the index for each, however many there are."""
    return _remembered(session, "events", lambda: list(session.execute(_NAMES, {"most": NAMES}).scalars()))


def event_properties(session: Session, event: str) -> list[str]:
    """The properties that the latest events of a name have, by name."""
    return _remembered(
        session, f"properties of {event}", lambda: list(session.execute(_PROPERTIES, {"name": event}).scalars())
    )


def unheard(session: Session, definition: Definition) -> list[str]:
    """The events a definition asks for that nobody did yet."""
    named = sorted(dependencies.of(definition).events - {dependencies.ANY_EVENT})
    table = live(Event).c
    return [name for name in named if not session.execute(select(table.id).where(table.name == name).limit(1)).first()]


def _column(field: Field) -> ColumnElement[str]:
    contacts = live(Contact).c
    return contacts.properties[field.key].astext if field.source == "property" else contacts[field.key]


def unknown(session: Session, definition: Definition) -> list[tuple[str, bool, list[str]]]:
    """Of the values that conditions on texts name, those that nobody has: (label, is it the bank's own word, values)."""
    known, found = catalogue(session), []
    for part, _path in conditions(definition):
        if not isinstance(part, FieldIs) or part.op not in ("eq", "in"):
            continue
        field = known.get(part.field)
        if field is None or field.type != "text" or field.source not in ("column", "property"):
            continue
        given = part.value if isinstance(part.value, list | tuple) else [part.value]
        values = [str(value) for value in given][:MOST_ASKED]
        column = _column(field)
        there = select(func.lower(column)).where(
            live(Contact).c.deleted_at.is_(None), func.lower(column).in_([value.lower() for value in values])
        )
        present = set(session.execute(there.distinct()).scalars())
        if missing := [value for value in values if value.lower() not in present]:
            found.append((field.label, field.is_custom, missing[:SHOWN]))
    return found
