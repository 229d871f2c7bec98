"""Small histories of events, and what a condition about them means, said a second time in plain Python, without SQL."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.core.unit import actor_of
from app.domain.events.models import Event
from tests.domain.segments.oracle import _back
from tests.factories import people

NOW = datetime.now(UTC).replace(
    hour=22, minute=30, second=0, microsecond=0
)  # events lie in months that have a partition
HOME = ZoneInfo("Asia/Jerusalem")
NAMES = ("login", "quote", "purchase")
AMOUNTS = (1, 5, 10, 2.5, -3, "7", None, True, [4])
BRANCHES = ("Haifa", "haifa", "חיפה", 7, 7.0, True, None)
HOURS = (0, 1, 2, 23, 24, 25, 48, 72, 24 * 7, 24 * 14, 24 * 20)


@dataclass
class Person:
    """A contact and what he did: (name, moment, properties)."""

    id: UUID
    events: list[tuple[str, datetime, dict[str, Any]]] = field(default_factory=list)


def made(session: Session, number: int, seed: int) -> list[Person]:
    """Contacts with up to eight events each, many of them at the same moment; and events of visitors, who are nobody yet."""
    chance = random.Random(seed)
    persons = [Person(contact_id) for contact_id in people.contacts(session, number)]
    for one in persons:
        for _ in range(chance.choice([0, 0, 1, 2, 3, 5, 8])):
            told: dict[str, Any] = {}
            if chance.random() < 0.8:
                told["amount"] = chance.choice(AMOUNTS)
            if chance.random() < 0.8:
                told["branch"] = chance.choice(BRANCHES)
            one.events.append((chance.choice(NAMES), NOW - timedelta(hours=chance.choice(HOURS)), told))
    tell(session, persons)
    return persons


def tell(session: Session, persons: list[Person]) -> None:
    """Keep what they did, and one event of each name of a visitor."""
    same = {
        "organisation_id": actor_of(session).organisation_id,
        "source": "api",
        "is_verified": True,
        "received_at": NOW,
    }
    rows = [
        same | {"contact_id": one.id, "name": name, "occurred_at": at, "properties": told}
        for one in persons
        for name, at, told in one.events
    ]
    session.execute(insert(Event), rows)
    nobody = same | {"visitor_id": persons[0].id, "occurred_at": NOW, "properties": {"amount": 99}}
    session.execute(insert(Event), [nobody | {"name": name} for name in NAMES])


def holds(node: dict[str, Any], one: Person) -> bool:
    """Whether a condition about events, or a group of such, is true of a person."""
    if "all" in node:
        return all(holds(part, one) for part in node["all"])
    if "any" in node:
        return any(holds(part, one) for part in node["any"])
    if "not" in node:
        return not holds(node["not"], one)
    return _event(node, one) if node["kind"] == "event" else _sequence(node, one)


def _day(at: datetime) -> Any:
    return at.astimezone(HOME).date()


def _is_in(at: datetime, within: dict[str, Any] | None) -> bool:
    if not within:
        return True
    if "last" in within:
        if within["unit"] == "hours":
            return at >= NOW - timedelta(hours=within["last"])
        return at >= datetime.combine(_back(_day(NOW), within["last"], within["unit"]), time(), HOME)
    return within.get("from", "") <= str(_day(at)) <= within.get("to", "9")


def _is_meant(event: tuple[str, datetime, dict[str, Any]], name: str, where: dict[str, Any] | None) -> bool:
    return event[0] == name and all(_fits(event[2].get(one["property"]), one) for one in (where or {}).get("all", []))


def _fits(found: Any, asked: dict[str, Any]) -> bool:
    op, value = asked["op"], asked.get("value")
    same = type(found) is not bool and found == value
    number = found if isinstance(found, int | float) and not isinstance(found, bool) else None
    table = {
        "eq": same, "neq": not same, "is_set": found is not None, "is_not_set": found is None,
        "gt": number is not None and op == "gt" and number > value,
        "lte": number is not None and op == "lte" and number <= value,
        "contains": isinstance(found, str) and op == "contains" and value.lower() in found.lower(),
        "in": op == "in" and type(found) is not bool and found in value,
        "not_in": op == "not_in" and (type(found) is bool or found not in value),
    }  # fmt: skip
    return table[op]


def _event(node: dict[str, Any], one: Person) -> bool:
    meant = [
        e for e in one.events if _is_meant(e, node["event"], node.get("where")) and _is_in(e[1], node.get("within"))
    ]
    measure, op, value = node["measure"], node["op"], node.get("value")
    if measure in ("first", "last"):
        moments = [at for _, at, _ in meant]
        return _dated(op, (min if measure == "first" else max)(moments) if moments else None, value, node.get("unit"))
    held = [e[2].get(node.get("property")) for e in meant]
    numbers = [Decimal(str(h)) for h in held if isinstance(h, int | float) and not isinstance(h, bool)]
    if measure == "distinct":
        return _numeric(
            op, len({(type(h) is bool, repr(h) if isinstance(h, list) else h) for h in held if h is not None}), value
        )
    found = {
        "count": len(meant),
        "sum": sum(numbers),
        "avg": sum(numbers) / len(numbers) if numbers else None,
        "min": min(numbers, default=None),
        "max": max(numbers, default=None),
    }
    return _numeric(op, found[measure], value)


def _numeric(op: str, found: Any, value: Any) -> bool:
    if op in ("is_set", "is_not_set"):
        return (found is not None) == (op == "is_set")
    if found is None:
        return op == "neq"
    if op == "between":
        return bool(value[0] <= found <= value[1])
    return {
        "eq": found == value, "neq": found != value, "gt": found > value, "gte": found >= value,
        "lt": found < value, "lte": found <= value,
    }[op]  # fmt: skip


def _dated(op: str, at: datetime | None, value: Any, unit: str | None) -> bool:
    if op in ("is_set", "is_not_set"):
        return (at is not None) == (op == "is_set")
    if at is None:
        return op == "not_in_last"
    day, today = _day(at), _day(NOW)
    if op in ("in_last", "not_in_last"):
        return (_back(today, value, unit or "days") <= day <= today) == (op == "in_last")
    if op == "between":
        return bool(value[0] <= str(day) <= value[1])
    return {"on": str(day) == value, "before": str(day) < value, "after": str(day) > value}[op]


def _sequence(node: dict[str, Any], one: Person) -> bool:
    within = node.get("within") or {}
    is_length = "last" in within
    length = timedelta(**{within["unit"]: within["last"]}) if is_length else timedelta.max
    days = None if is_length else within or None
    firsts = [at for e in one.events if _is_meant(e, **_which(node["first"])) and _is_in(at := e[1], days)]
    thens = [at for e in one.events if _is_meant(e, **_which(node["then"])) and _is_in(at := e[1], days)]
    followed = [any(timedelta(0) < then - first <= length for then in thens) for first in firsts]
    if node["happened"]:
        return any(followed)
    ended = within.get("to", "") < str(_day(NOW))
    over = [NOW - first >= length if is_length else ended for first in firsts]
    return any(is_over and not done for is_over, done in zip(over, followed, strict=True))


def _which(said: dict[str, Any]) -> dict[str, Any]:
    return {"name": said["event"], "where": said.get("where")}
