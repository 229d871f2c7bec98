"""When something happened, and how often: what conditions about happenings share."""

from datetime import date, timedelta
from typing import Any, Literal

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, Exists, Select, func, not_, select

from app.core.clock import is_day
from app.core.errors import mark
from app.domain.segments import days
from app.domain.segments.comparisons import COMPARE
from app.domain.segments.condition import Part
from app.domain.segments.context import CompileContext, Predicate, When, contact
from app.domain.segments.saying import SPANS, Said

TIMES = {
    "eq": mark("exactly %(number)s times"),
    "neq": mark("not exactly %(number)s times"),
    "gt": mark("more than %(number)s times"),
    "gte": mark("at least %(number)s times"),
    "lt": mark("fewer than %(number)s times"),
    "lte": mark("at most %(number)s times"),
}
_REVERSED = {"eq": "neq", "neq": "eq", "gt": "lte", "gte": "lt", "lt": "gte", "lte": "gt"}


class Span(Part):
    """When: the last so many units, or from a day to a day, both included."""

    last: int | None = Field(default=None, ge=1, le=3660)
    unit: Literal["hours", "days", "weeks", "months", "years"] = "days"
    first_day: str | None = Field(default=None, alias="from", pattern=r"^\d{4}-\d{2}-\d{2}$")
    last_day: str | None = Field(default=None, alias="to", pattern=r"^\d{4}-\d{2}-\d{2}$")

    @model_validator(mode="after")
    def _one_way(self) -> "Span":
        if (self.last is None) == (self.first_day is None and self.last_day is None):
            raise ValueError(mark("Say either “last” and “unit”, or “from” and “to”."))
        if not all(is_day(day) for day in (self.first_day, self.last_day) if day):
            raise ValueError(mark("This is not a date. Write it as 2026-12-31."))
        return self

    def bounds(self, around: CompileContext) -> When:
        """From when, and before when."""
        if self.last is not None:
            if self.unit == "hours":
                return around.now - timedelta(hours=self.last), None
            return days.begin(days.shifted(around.today(), -self.last, self.unit), around.zone), None
        first = days.begin(date.fromisoformat(self.first_day), around.zone) if self.first_day else None
        end = date.fromisoformat(self.last_day) + timedelta(days=1) if self.last_day else None
        return first, days.begin(end, around.zone) if end else None

    def words(self) -> Said:
        """As a part of a clause."""
        if self.last is not None:
            return Said(mark("in the last %(span)s"), {"span": Said(SPANS[self.unit], {"number": self.last})})
        if self.first_day and self.last_day:
            return Said(mark("from %(first)s to %(last)s"), {"first": self.first_day, "last": self.last_day})
        if self.first_day:
            return Said(mark("since %(day)s"), {"day": self.first_day})
        return Said(mark("until %(day)s"), {"day": self.last_day})


class Times(Part):
    """How often."""

    op: Literal["eq", "neq", "gt", "gte", "lt", "lte"] = "gte"
    value: int = Field(default=1, ge=0, le=10_000)

    def holds(self, number: int) -> bool:
        """Whether a number is what was asked for."""
        found = {
            "eq": number == self.value, "neq": number != self.value, "gt": number > self.value,
            "gte": number >= self.value, "lt": number < self.value, "lte": number <= self.value,
        }  # fmt: skip
        return found[self.op]

    def compile(self, rows: Select[Any], whose: ColumnElement[Any]) -> Predicate:
        """Contacts with so many rows; `whose` is the column of the contact's id, and each row counts once.

        What is true of no row at all ("fewer than 3", "exactly 0") is the opposite of what needs at least one.
        """
        if self.holds(0):
            return not_(_some(rows, whose, _REVERSED[self.op], self.value))
        return _some(rows, whose, self.op, self.value)

    def words(self) -> Said:
        """As a part of a clause."""
        return Said(TIMES[self.op], {"number": self.value})


def _some(rows: Select[Any], whose: ColumnElement[Any], op: str, number: int) -> Exists:
    """Contacts that have at least one such row, and as many as asked."""
    is_any = (op, number) in (("gte", 1), ("gt", 0), ("neq", 0))
    return whoever(rows, whose, None if is_any else COMPARE[op](func.count(), number))


def whoever(rows: Select[Any], whose: ColumnElement[Any], having: Predicate | None = None) -> Exists:
    """Contacts that have such a row; with `having`, those whose rows are so together, found in one pass over all rows."""
    if having is None:
        return rows.where(whose == contact.c.id).correlate(contact).exists()
    found = rows.group_by(whose).having(having).subquery()
    return select(found.c.contact_id).where(found.c.contact_id == contact.c.id).correlate(contact).exists()
