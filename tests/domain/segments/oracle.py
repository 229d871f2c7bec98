"""What a definition means, said a second time in plain Python, without SQL: the compiler must agree with it."""

import calendar
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.domain.segments.made import NOW, Made

HOME = ZoneInfo("Asia/Jerusalem")


def holds(node: dict[str, Any], one: Made, zone: str) -> bool:
    if "all" in node:
        return all(holds(part, one, zone) for part in node["all"])
    if "any" in node:
        return any(holds(part, one, zone) for part in node["any"])
    if "not" in node:
        return not holds(node["not"], one, zone)
    if node["kind"] == "consent":
        return _consent(node, one)
    if node["kind"] == "message":
        return _message(node, one)
    return _field(node, one, zone)


def _consent(node: dict[str, Any], one: Made) -> bool:
    state = one.consent.get(node["channel"], "unknown")
    return (state == node["value"]) == (node.get("op", "eq") == "eq")


def _compare(op: str, left: Any, right: Any) -> bool:
    return {
        "eq": left == right,
        "neq": left != right,
        "gt": left > right,
        "gte": left >= right,
        "lt": left < right,
        "lte": left <= right,
    }[op]


def _message(node: dict[str, Any], one: Made) -> bool:
    number = 0
    for message in one.messages:
        if node.get("channel") and message["channel"] != node["channel"]:
            continue
        at = {
            "sent": message["sent_at"],
            "delivered": message["final_at"] if message["state"] == "delivered" else None,
            "failed": message["final_at"] if message["state"] == "failed" else None,
            "opened": message["any_open"] if node.get("who") == "any" else message["opened_at"],
            "clicked": message["clicked_at"],
        }[node["did"]]
        within = node.get("within")
        if at and within:
            since = datetime.combine(_back(_today(HOME), within["last"], within["unit"]), datetime.min.time(), HOME)
            at = at if at >= since else None
        number += at is not None
    times = node.get("times", {"op": "gte", "value": 1})
    return _compare(times["op"], number, times["value"])


def _today(zone: ZoneInfo) -> date:
    return NOW.astimezone(zone).date()


def _back(day: date, number: int, unit: str) -> date:
    if unit == "days":
        return day - timedelta(days=number)
    if unit == "weeks":
        return day - timedelta(weeks=number)
    for _ in range(number * (12 if unit == "years" else 1)):
        first = day.replace(day=1) - timedelta(days=1)
        day = first if day.day > first.day else first.replace(day=day.day)
    return day


def _field(node: dict[str, Any], one: Made, zone: str) -> bool:
    name, op, value = node["field"], node["op"], node.get("value")
    if name in ("email", "phone", "first_name", "last_name"):
        return _personal(op, getattr(one, f"{name}s" if name in ("email", "phone") else name), value)
    if name == "email_domain":
        domains = [e.partition("@")[2] for e in one.emails]
        negated = {"neq": "eq", "not_in": "in", "not_contains": "contains", "is_not_set": "is_set"}.get(op)
        return (
            not any(_text(negated, d, value) for d in domains) if negated else any(_text(op, d, value) for d in domains)
        )
    if name in ("tags", "groups"):
        return _list(op, one.row["tags"] if name == "tags" else one.groups, value)
    if name == "engagement_score":
        return _number(op, one.row[name], value)
    if name == "created_at":
        return _day(op, one.row[name].astimezone(HOME).date(), value, node.get("unit"), _today(HOME))
    if name == "last_activity_at":
        signs = [m[kind] for m in one.messages for kind in ("opened_at", "clicked_at") if m[kind]]
        last = max(signs).astimezone(HOME).date() if signs else None
        return _day(op, last, value, node.get("unit"), _today(HOME))
    if name.startswith("properties."):
        return _property(node, one, zone)
    return _text(op, one.row[name], value)


def _property(node: dict[str, Any], one: Made, zone: str) -> bool:
    key, op, value = node["field"].partition(".")[2], node["op"], node.get("value")
    held = one.row["properties"].get(key)
    if key == "balance":
        return _number(op, held if isinstance(held, int | float) and not isinstance(held, bool) else None, value)
    if key == "is_member":
        held = held if isinstance(held, bool) else None
        return {"is": held is value, "is_set": held is not None, "is_not_set": held is None}[op]
    if key == "hobbies":
        return _list(op, held if isinstance(held, list) else [], value)
    if key == "joined":
        whose = ZoneInfo(one.row["timezone"]) if zone == "contact" and one.row["timezone"] else HOME
        try:
            day = date.fromisoformat(held[:10]) if isinstance(held, str) else None
        except ValueError:
            day = None
        return _day(op, day, value, node.get("unit"), _today(whose))
    return _text(op, held if held is None or isinstance(held, str) else str(held), value)


def _text(op: str, held: str | None, value: Any) -> bool:
    low = held.lower() if held is not None else None
    table = {
        "eq": lambda: held == value,
        "neq": lambda: held != value,
        "in": lambda: held in value,
        "not_in": lambda: held not in value,
        "contains": lambda: low is not None and value.lower() in low,
        "not_contains": lambda: low is None or value.lower() not in low,
        "starts_with": lambda: low is not None and low.startswith(value.lower()),
        "ends_with": lambda: low is not None and low.endswith(value.lower()),
        "is_set": lambda: bool(held),
        "is_not_set": lambda: not held,
    }
    return bool(table[op]())


def _personal(op: str, held: list[str] | str | None, value: Any) -> bool:
    if not isinstance(held, list):
        return _name(op, held, value)
    return {
        "eq": value in held,
        "in": isinstance(value, list) and any(v in held for v in value),
        "is_set": bool(held),
        "is_not_set": not held,
    }[op]


def _name(op: str, held: str | None, value: Any) -> bool:
    said = _plain(held or "")
    meant = [_plain(one) for one in (value if isinstance(value, list) else [value or ""])]
    return {
        "eq": said in meant,
        "in": said in meant,
        "neq": said not in meant,
        "not_in": said not in meant,
        "starts_with": bool(said) and said.startswith(meant[0]),
        "is_set": said != "",
        "is_not_set": said == "",
    }[op]


def _plain(name: str) -> str:
    """As names are compared, said a second time: only what the made names need."""
    low = name.lower().replace("ß", "ss").replace("-", " ").replace("'", "").replace("!", "").replace("%", "")
    bare = "".join(letter for letter in low if not "\u0591" <= letter <= "\u05c7")
    for final, letter in ("םמ", "ןנ", "ךכ", "ףפ", "ץצ"):
        bare = bare.replace(final, letter)
    return " ".join(bare.split())


def _list(op: str, held: list[str], value: Any) -> bool:
    table = {
        "has_any": lambda: bool(set(held) & set(value)),
        "has_all": lambda: set(value) <= set(held),
        "has_none": lambda: not set(held) & set(value),
        "is_set": lambda: bool(held),
        "is_not_set": lambda: not held,
    }
    return bool(table[op]())


def _number(op: str, held: Any, value: Any) -> bool:
    if op in ("is_set", "is_not_set"):
        return (held is not None) == (op == "is_set")
    if held is None:
        return op == "neq"
    number = Decimal(str(held))
    if op == "between":
        return Decimal(str(value[0])) <= number <= Decimal(str(value[1]))
    return _compare(op, number, Decimal(str(value)))


def _day(op: str, held: date | None, value: Any, unit: str | None, today: date) -> bool:
    if op in ("is_set", "is_not_set"):
        return (held is not None) == (op == "is_set")
    if op == "not_in_last":
        return held is None or not _back(today, value, unit or "days") <= held <= today
    if held is None:
        return False
    if op == "in_last":
        return _back(today, value, unit or "days") <= held <= today
    if op == "in_next":
        return today <= held <= today + timedelta(days=value)
    if op == "anniversary_in":
        return any(_is_anniversary(held, today + timedelta(days=n)) for n in range(value + 1))
    if op == "between":
        return date.fromisoformat(value[0]) <= held <= date.fromisoformat(value[1])
    fixed = date.fromisoformat(value)
    return {"on": held == fixed, "before": held < fixed, "after": held > fixed}[op]


def _is_anniversary(held: date, day: date) -> bool:
    if (held.month, held.day) == (2, 29) and not calendar.isleap(day.year):
        return (day.month, day.day) == (2, 28)
    return (held.month, held.day) == (day.month, day.day)
