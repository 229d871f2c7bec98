"""What contacts did, in conditions: the rows of the events that are meant, and which those are, in words."""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select

from app.core.db import live
from app.core.errors import mark
from app.domain.events.matching import EventIs, PropertyIs
from app.domain.events.models import Event
from app.domain.segments.context import When, during
from app.domain.segments.saying import Listed, Said, compared

event = live(Event)
_AND = mark(" and ")
_SINGLE = {"in": "eq", "not_in": "neq"}
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")


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
    if not isinstance(one.value, list):
        return compared(f"“{one.property}”", one.op, None if one.value is None else _value(one.value))
    values = each_once(one.value)
    op = _SINGLE[one.op] if len(values) == 1 else one.op
    return compared(f"“{one.property}”", op, Listed(tuple(map(_value, values))))


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return Said(mark("yes")) if value else Said(mark("no"))
    return f"“{value}”" if isinstance(value, str) and isinstance(scalar(value), str) else value


def scalar(text: str) -> Any:
    """A number or a boolean where the text looks like one."""
    if text in ("true", "false"):
        return text == "true"
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def each_once(values: Sequence[Any]) -> list[Any]:
    """The values of a list, of a number and the text that looks like it only the text: the builder asks for both."""
    told = {(isinstance(one, bool), one) for one in map(scalar, (one for one in values if isinstance(one, str)))}
    return [one for one in values if isinstance(one, str) or (isinstance(one, bool), one) not in told]
