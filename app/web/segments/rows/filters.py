"""What the properties of an event have to be, as a row asks for it: property, operator and value, as many as there are.

Nobody should have to know whether a shop tells 7 or "7": where it is equality that is asked for, what looks like a number is
both, the number and the text.
"""

from collections.abc import Sequence
from typing import Any

from app.domain.events.matching import PropertyIs, Where
from app.domain.segments.events import each_once, scalar
from app.domain.segments.saying import OPS
from app.web.segments.rows.base import Said
from app.web.segments.tree import FILTER, Rule
from app.web.segments.typed import first, listed, number, written

CHOICES = tuple(
    (op, OPS[op]) for op in ("eq", "neq", "in", "not_in", "contains", "gt", "gte", "lt", "lte", "is_set", "is_not_set")
)
_ONE, _MANY = {"eq": "in", "neq": "not_in"}, {"in": "eq", "not_in": "neq"}


def as_json(rule: Rule, which: str) -> dict[str, Any]:
    """The filters of a row in the grammar; one of which nothing was typed is none."""
    rows = [_one(name, op, value) for name, op, value in typed(rule, which) if name or value]
    return {"where": {"all": rows}} if rows else {}


def typed(rule: Rule, which: str) -> list[tuple[str, str, str]]:
    """Property, operator and value of each, as they stand in the inputs."""
    names, ops, values = (rule.values.get(which + part, []) for part in FILTER)
    return [(_at(names, n), op, _at(values, n)) for n, op in enumerate(ops)]


def _at(values: Sequence[str], n: int) -> str:
    return values[n].strip() if n < len(values) else ""


def _one(name: str, op: str, value: str) -> dict[str, Any]:
    said: dict[str, Any] = {"property": name, "op": op}
    if op in ("is_set", "is_not_set") or not value:
        return said
    if op in ("gt", "gte", "lt", "lte"):
        return said | {"value": scalar(str(number(value)))}
    if op == "contains":
        return said | {"value": value}
    both = [one for text in (listed([value]) if op in _MANY else [value]) for one in _both(text)]
    if op in _MANY or len(both) > 1:
        return said | {"op": _ONE.get(op, op), "value": both}
    return said | {"value": first(both)}


def _both(text: str) -> list[Any]:
    plain = scalar(text)
    return [text] if plain == text else [plain, text]


def said(where: Where, which: str) -> Said:
    """The inputs of filters."""
    found = [_shown(one) for one in where.all]
    return {which + part: [row[n] for row in found] for n, part in enumerate(FILTER)}


def _shown(one: PropertyIs) -> tuple[str, str, str]:
    if not isinstance(one.value, list):
        return one.property, one.op, "" if one.value is None else _written(one.value)
    values = [_written(value) for value in each_once(one.value)]
    op = _MANY[one.op] if len(values) == 1 and len(one.value) > 1 else one.op
    return one.property, op, values[0] if op in _ONE else written(values).replace("\n", ", ")


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
