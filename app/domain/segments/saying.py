"""Sentences as message ids and values, put into a language at the door; and what names the ids in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.core.errors import mark
from app.domain.segments.fields import Catalogue, Field

SPANS = {
    "hours": mark("%(number)s hours"), "days": mark("%(number)s days"), "weeks": mark("%(number)s weeks"),
    "months": mark("%(number)s months"), "years": mark("%(number)s years"),
}  # fmt: skip
OPS: dict[str, str] = {
    "eq": mark("is"),
    "neq": mark("is not"),
    "in": mark("is one of"),
    "not_in": mark("is none of"),
    "contains": mark("contains"),
    "not_contains": mark("does not contain"),
    "starts_with": mark("starts with"),
    "ends_with": mark("ends with"),
    "is_set": mark("is known"),
    "is_not_set": mark("is not known"),
    "gt": mark("is more than"),
    "gte": mark("is at least"),
    "lt": mark("is less than"),
    "lte": mark("is at most"),
    "between": mark("is between"),
    "on": mark("is on"),
    "before": mark("is before"),
    "after": mark("is after"),
    "in_last": mark("is in the last"),
    "not_in_last": mark("is not in the last"),
    "in_next": mark("is in the next"),
    "anniversary_in": mark("has its anniversary in the next"),
    "has_any": mark("has any of"),
    "has_all": mark("has all of"),
    "has_none": mark("has none of"),
    "is": mark("is"),
}
CHANNELS = {"sms": mark("SMS"), "email": mark("e-mail")}


@dataclass(frozen=True)
class Said:
    """A message id with its values; a value may be another Said, which is translated first."""

    message: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """Several things said one after the other."""

    parts: tuple[Any, ...]
    between: str = ", "


@dataclass(frozen=True)
class Names:
    """What ids in a definition are called; `in_full` says a name, an e-mail, a phone as it stands there, not masked."""

    known: Catalogue
    segments: Mapping[UUID, str] = field(default_factory=dict)
    campaigns: Mapping[UUID, str] = field(default_factory=dict)
    in_full: bool = False


def spoken(thing: Any, translate: Callable[[str], str], name: Callable[[Any], str] = str) -> str:
    """A sentence in the language of `translate`; `name` dresses what is not of that language: names and values."""
    if isinstance(thing, Said):
        text = translate(thing.message)
        return (
            text % {key: spoken(value, translate, name) for key, value in thing.values.items()}
            if thing.values
            else text
        )
    if isinstance(thing, Listed):
        return translate(thing.between).join(spoken(part, translate, name) for part in thing.parts)
    return name(thing)


def compared(subject: Any, op: str, value: Any, unit: str | None = None) -> Said:
    """Something compared with a plain value, as a clause."""
    said = {"field": subject, "op": Said(OPS[op])}
    if value is None:
        return Said(mark("%(field)s %(op)s"), said)
    if unit:
        value = Said(SPANS[unit], {"number": value})
    elif op == "between":
        value = Said(mark("%(low)s and %(high)s"), {"low": value[0], "high": value[1]})
    return Said(mark("%(field)s %(op)s %(value)s"), said | {"value": value})


def label(info: Field | None, name: str) -> Any:
    """A field's name for people: a message id, or the bank's own word."""
    if info is None:
        return name
    return info.label if info.is_custom else Said(info.label)
