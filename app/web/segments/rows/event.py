"""What somebody did: an event, how it is measured, and how its properties have to be."""

from collections.abc import Iterator
from typing import Any

from app.core.clock import is_day
from app.core.errors import mark
from app.domain.segments.fields import RELATIVE, Catalogue, Field
from app.domain.segments.kinds.event import MOMENTS, OF_PROPERTY, OPS, Did
from app.web.segments.rows import filters
from app.web.segments.rows.base import TIMES, Choice, Control, Row, Said, ops, span_json, span_said
from app.web.segments.rows.field import input_for
from app.web.segments.tree import Rule
from app.web.segments.typed import VALUES

NAME = "event"
MEASURES = {
    "count": mark("how often"), "sum": mark("sum of"), "avg": mark("average of"), "min": mark("least"), "max": mark("greatest"),
    "distinct": mark("different values of"), "first": mark("first time"), "last": mark("last time"),
}  # fmt: skip


class EventRow(Row):
    """An event, measured and compared."""

    def offers(self, _known: Catalogue) -> Iterator[tuple[str, list[Choice]]]:
        """One choice; which event is typed, because it may be one that nobody did yet."""
        yield mark("Behaviour"), [(NAME, mark("Did something"), True)]

    def is_begun_by(self, name: str) -> bool:
        """`event`."""
        return name == NAME

    def control(self, rule: Rule, _known: Catalogue) -> Control:
        """The operators of the measure, and inputs that fit."""
        measure = _measure(rule)
        worded = tuple((op, TIMES[op]) for op in OPS[measure]) if measure == "count" else ops(*OPS[measure])
        kind = "moment" if measure in MOMENTS else "number"
        return Control(worded, NAME, value=input_for(Field("", "", kind), rule.one("op")))

    def begun(self, asked: Control) -> dict[str, str]:
        """At least once, at any time."""
        once = {"v": "1"} if dict(asked.ops) == TIMES else {}
        return {"measure": "count", "vu": "days", "last": "30", "unit": "days", **once}

    def kept(self, values: list[str], asked: Control) -> list[str]:
        """Days where days are asked for, and numbers where numbers are."""
        return [one for one in values if is_day(one) is (asked.value in ("date", "dates"))]

    def as_json(self, rule: Rule, known: Catalogue) -> dict[str, Any]:
        """The event, its measure, what it is compared with, its time and its filters."""
        measure, op, asked = _measure(rule), rule.one("op"), self.control(rule, known)
        condition = {"kind": NAME, "event": rule.one("event").lower(), "measure": measure, "op": op}
        if measure in OF_PROPERTY and rule.one("property"):
            condition["property"] = rule.one("property")
        value = VALUES[asked.value](rule.values.get("v", []))
        condition |= {} if value is None else {"value": value}
        condition |= {"unit": rule.one("vu", "days")} if op in RELATIVE else {}
        return condition | span_json(rule) | filters.as_json(rule, "w")

    def said(self, condition: Did) -> Said:
        """The same."""
        values = condition.value if isinstance(condition.value, list | tuple) else [condition.value]
        return {
            "field": [NAME], "event": [condition.event], "measure": [condition.measure], "property": [condition.measured or ""],
            "op": [condition.op], "v": [str(one) for one in values if one is not None], "vu": [condition.unit or ""],
            **span_said(condition.within), **filters.said(condition.where, "w"),
        }  # fmt: skip


def _measure(rule: Rule) -> str:
    measure = rule.one("measure", "count")
    return measure if measure in OPS else "count"
