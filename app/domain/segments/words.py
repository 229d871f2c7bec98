"""A definition as a plain sentence: message ids and values, put into a language at the door."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.core.errors import mark
from app.domain.segments.definition import (
    AllOf,
    AnyOf,
    Consented,
    Definition,
    FieldIs,
    InBucket,
    InSegment,
    Messaged,
    Not,
    Span,
)
from app.domain.segments.encryption import PERSONAL, masked_value
from app.domain.segments.fields import MANY, Catalogue, Field

_SHOWN_VALUES = 5

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
SPANS = {
    "hours": mark("%(number)s hours"), "days": mark("%(number)s days"), "weeks": mark("%(number)s weeks"),
    "months": mark("%(number)s months"), "years": mark("%(number)s years"),
}  # fmt: skip
UNITS = {
    "hours": mark("hours"), "days": mark("days"), "weeks": mark("weeks"), "months": mark("months"),
    "years": mark("years"),
}  # fmt: skip
CHANNELS = {"sms": mark("SMS"), "email": mark("e-mail")}
CONSENT = {"granted": mark("was given"), "withdrawn": mark("was withdrawn"), "unknown": mark("was never asked")}
ENGAGEMENTS = {
    "sent": mark("the contact was sent a message"),
    "delivered": mark("the contact received a message"),
    "opened": mark("the contact opened a message"),
    "clicked": mark("the contact clicked in a message"),
    "bounced": mark("the contact had a message bounce"),
    "complained": mark("the contact complained about a message"),
    "unsubscribed": mark("the contact unsubscribed from a message"),
    "failed": mark("the contact could not be reached by a message"),
}
TIMES = {
    "eq": mark("exactly %(number)s times"),
    "neq": mark("not exactly %(number)s times"),
    "gt": mark("more than %(number)s times"),
    "gte": mark("at least %(number)s times"),
    "lt": mark("fewer than %(number)s times"),
    "lte": mark("at most %(number)s times"),
}
_AND, _OR = mark(" and "), mark(" or ")


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
    """What ids in a definition are called."""

    known: Catalogue
    segments: Mapping[UUID, str] = field(default_factory=dict)
    campaigns: Mapping[UUID, str] = field(default_factory=dict)


def spoken(thing: Any, translate: Callable[[str], str], name: Callable[[str], str] = str) -> str:
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
    return name(str(thing))


def sentence(definition: Definition, names: Names) -> Said:
    """The whole definition as one sentence."""
    where = definition.where
    if isinstance(where, AllOf) and not where.all:
        return Said(mark("Everybody."))
    if isinstance(where, AnyOf) and not where.any:
        return Said(mark("Nobody: add a condition."))
    return Said(mark("Everybody for whom %(conditions)s."), {"conditions": _node(where, names, is_top=True)})


def _node(node: Any, names: Names, *, is_top: bool = False) -> Any:
    if isinstance(node, Not):
        return Said(mark("it is not true that %(conditions)s"), {"conditions": _node(node.inner, names)})
    if not isinstance(node, AllOf | AnyOf):
        return condition(node, names)
    parts, between = (node.all, _AND) if isinstance(node, AllOf) else (node.any, _OR)
    if not parts:
        return Said(mark("anything holds")) if isinstance(node, AllOf) else Said(mark("nothing holds"))
    said = Listed(tuple(_node(part, names) for part in parts), between)
    return said if is_top or len(parts) == 1 else Said(mark("(%(conditions)s)"), {"conditions": said})


def condition(node: Any, names: Names) -> Said:
    """One condition as a clause."""
    if isinstance(node, FieldIs):
        return _field(node, names)
    if isinstance(node, Consented):
        values = {"channel": Said(CHANNELS[node.channel]), "state": Said(CONSENT[node.value])}
        if node.op == "neq":
            return Said(mark("for consent to %(channel)s it is not so that it %(state)s"), values)
        return Said(mark("consent to %(channel)s %(state)s"), values)
    if isinstance(node, Messaged):
        return _message(node, names)
    if isinstance(node, InSegment):
        name = names.segments.get(node.segment, str(node.segment))
        message = (
            mark("the contact is in the segment “%(name)s”")
            if node.op == "in"
            else mark("the contact is not in the segment “%(name)s”")
        )
        return Said(message, {"name": name})
    assert isinstance(node, InBucket)
    share = (node.last - node.first + 1) / 100
    return Said(
        mark("the contact is in a fixed random %(share)s%% (draw “%(salt)s”, buckets %(first)s to %(last)s)"),
        {"share": f"{share:g}", "salt": node.salt, "first": node.first, "last": node.last},
    )


def label(info: Field | None, name: str) -> Any:
    """A field's name for people: a message id, or the bank's own word."""
    if info is None:
        return name
    return info.label if info.is_custom else Said(info.label)


def _field(node: FieldIs, names: Names) -> Said:
    info = names.known.get(node.field)
    values = {"field": label(info, node.field), "op": Said(OPS.get(node.op, node.op))}
    value = _value(node, info)
    if value is None:
        return Said(mark("%(field)s %(op)s"), values)
    return Said(mark("%(field)s %(op)s %(value)s"), values | {"value": value})


def _value(node: FieldIs, info: Field | None) -> Any:
    value = node.value
    if value is None:
        return None
    if node.unit:
        return Said(SPANS[node.unit], {"number": value})
    shown = dict(info.choices) if info else {}
    is_ours = info is not None and info.type == "choice"

    def one(item: Any) -> Any:
        if node.field in PERSONAL:
            return f"“{masked_value(str(item))}”"
        if isinstance(item, bool):
            return Said(mark("yes")) if item else Said(mark("no"))
        return (
            Said(shown[item])
            if is_ours and item in shown
            else shown.get(item, f"“{item}”" if isinstance(item, str) else item)
        )

    if node.op == "between":
        return Said(mark("%(low)s and %(high)s"), {"low": value[0], "high": value[1]})
    if node.op not in MANY:
        return one(value)
    said = Listed(tuple(one(item) for item in value[:_SHOWN_VALUES]))
    more = len(value) - _SHOWN_VALUES
    return Said(mark("%(values)s and %(number)s more"), {"values": said, "number": more}) if more > 0 else said


def _message(node: Messaged, names: Names) -> Said:
    parts: list[Any] = [Said(ENGAGEMENTS[node.did])]
    if node.campaign:
        parts.append(
            Said(mark("of the campaign “%(name)s”"), {"name": names.campaigns.get(node.campaign, str(node.campaign))})
        )
    if node.channel:
        parts.append(Said(mark("by %(channel)s"), {"channel": Said(CHANNELS[node.channel])}))
    if (node.times.op, node.times.value) != ("gte", 1):
        parts.append(Said(TIMES[node.times.op], {"number": node.times.value}))
    if node.within:
        parts.append(_span(node.within))
    if node.who == "any" and node.did in ("opened", "clicked"):
        parts.append(Said(mark("(robots counted too)")))
    return Said("%(parts)s", {"parts": Listed(tuple(parts), " ")})


def _span(span: Span) -> Said:
    if span.last is not None:
        return Said(mark("in the last %(span)s"), {"span": Said(SPANS[span.unit], {"number": span.last})})
    if span.first_day and span.last_day:
        return Said(mark("from %(first)s to %(last)s"), {"first": span.first_day, "last": span.last_day})
    if span.first_day:
        return Said(mark("since %(day)s"), {"day": span.first_day})
    return Said(mark("until %(day)s"), {"day": span.last_day})
