"""What contacts did, in conditions: the rows of the events that are meant, and which those are, in words."""

from typing import Any

from sqlalchemy import Select, select

from app.core.db import live
from app.core.errors import mark
from app.domain.events.matching import EventIs, PropertyIs
from app.domain.events.models import Event
from app.domain.segments.saying import Listed, Said, compared
from app.domain.segments.spans import When, during

event = live(Event)
_AND = mark(" and ")


def rows(meant: EventIs, when: When, *columns: Any) -> Select[Any]:
    """The events of contacts that are meant, in a time: `contact_id`, and more columns."""
    return select(event.c.contact_id, *columns).where(
        event.c.contact_id.is_not(None), meant.compile(event), *during(event.c.occurred_at, when)
    )


def words(meant: EventIs) -> Any:
    """The name of an event, with what its properties have to be."""
    if not meant.where.all:
        return f"“{meant.event}”"
    conditions = Listed(tuple(_property(one) for one in meant.where.all), _AND)
    return Said(mark("“%(event)s” (%(conditions)s)"), {"event": meant.event, "conditions": conditions})


def _property(one: PropertyIs) -> Said:
    values = one.value if isinstance(one.value, list) else [one.value]
    said = Listed(tuple(_value(value) for value in values))
    return compared(f"“{one.property}”", one.op, None if one.value is None else said)


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return Said(mark("yes")) if value else Said(mark("no"))
    return f"“{value}”" if isinstance(value, str) else value
