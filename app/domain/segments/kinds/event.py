"""What the contact did: how often, how much in all, or when first and last."""

from decimal import Decimal
from typing import Any, ClassVar, Literal, Self

from pydantic import Field
from sqlalchemy import ColumnElement, RowMapping, Select, func, not_, select

from app.core.errors import mark
from app.domain.events.matching import EventIs, EventName, PropertyName, Where, numeric
from app.domain.segments import comparisons, events, values
from app.domain.segments.comparisons import COMPARE
from app.domain.segments.condition import Condition, Dependencies, Unfit
from app.domain.segments.context import CompileContext, Predicate
from app.domain.segments.events import event
from app.domain.segments.fields import RELATIVE, SET, Catalogue, Comparison
from app.domain.segments.fields import Field as Info
from app.domain.segments.saying import Listed, Names, Said, compared
from app.domain.segments.spans import TIMES, Span, whoever

COUNTS = ("count", "distinct")  # whole numbers, and 0 of no event at all; the sum of nothing is 0, too
MOMENTS = ("first", "last")
OF_PROPERTY = ("sum", "avg", "min", "max", "distinct")
_NUMBERS = ("gte", "gt", "eq", "neq", "lte", "lt", "between")
_DATES = ("in_last", "not_in_last", "on", "before", "after", "between", *SET)
OPS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys((*COUNTS, "sum"), _NUMBERS),
    **dict.fromkeys(("avg", "min", "max"), (*_NUMBERS, *SET)),
    **dict.fromkeys(MOMENTS, _DATES),
}
_NEGATED = {"neq": "eq", "not_in_last": "in_last", "is_not_set": "is_set"}
_ONE_DECIDES = {
    ("gte", "1"),
    ("gt", "0"),
    ("eq", "0"),
    ("lte", "0"),
    ("lt", "1"),
}  # there is an event, or there is none
_SUBJECTS = {
    "sum": mark("the sum of “%(property)s” of the events %(event)s"),
    "avg": mark("the average of “%(property)s” of the events %(event)s"),
    "min": mark("the least “%(property)s” of the events %(event)s"),
    "max": mark("the greatest “%(property)s” of the events %(event)s"),
    "distinct": mark("the number of different “%(property)s” of the events %(event)s"),
    "first": mark("the first event %(event)s"),
    "last": mark("the last event %(event)s"),
}
_HAD = {
    "count": mark("%(number)s times"),
    "sum": mark("sum %(number)s"),
    "avg": mark("average %(number)s"),
    "min": mark("least %(number)s"),
    "max": mark("greatest %(number)s"),
    "distinct": mark("%(number)s different"),
    "first": mark("first on %(number)s"),
    "last": mark("last on %(number)s"),
}


class Did(Condition):
    """Events of a name, measured: their count, or a number or moment made of them, compared with a value.

    Nobody who did nothing has a first, a least or an average; but his count, his sum and his number of different values are 0,
    so "fewer than 3" and "exactly 0" hold for him, like every negation. Of a property only numbers are summed and compared.
    """

    kind: Literal["event"] = "event"
    event: EventName
    measure: Literal["count", "sum", "avg", "min", "max", "distinct", "first", "last"] = "count"
    measured: PropertyName | None = Field(default=None, alias="property")
    op: str = Field(default="gte", min_length=1, max_length=30)
    value: Any = None
    unit: Literal["days", "weeks", "months", "years"] | None = None
    within: Span | None = None
    where: Where = Where()

    has_value: ClassVar[bool] = True

    def checked(self, known: Catalogue) -> Self:
        """Itself with its value in its normal form; without op and value it is "at least once". Raises Unfit."""
        if (self.measured is not None) != (self.measure in OF_PROPERTY):
            need = mark("This field is required.") if self.measured is None else mark("This measure has no property.")
            raise Unfit("property", need)
        value = self.value
        if self.measure == "count" and {"op", "value"}.isdisjoint(self.model_fields_set):
            value = 1
        info = Info(self.event, "", "moment" if self.measure in MOMENTS else "number")
        found = values.fitted(known, info, Comparison(self.op, value, self.unit), OPS[self.measure])
        return self.model_copy(update={"op": found.op, "value": found.value, "unit": found.unit})

    def compile(self, around: CompileContext) -> Predicate:
        """One pass over the events of the name. What is true of who has none is the opposite of what needs at least one."""
        rows, measured = self._made(around)
        asked = Comparison(_NEGATED.get(self.op, self.op), self.value, self.unit)
        is_opposite = self.op in _NEGATED
        having: Predicate | None
        if self.measure in MOMENTS:
            having = comparisons.moment(around, measured, asked)
        else:
            having = comparisons.number(measured, asked)
            if self._holds_for_nothing(asked):
                having, is_opposite = not_(having), not is_opposite
        if self.measure == "count" and (asked.op, str(asked.value)) in _ONE_DECIDES:
            having = None
        found = whoever(rows, rows.selected_columns.contact_id, having)
        return not_(found) if is_opposite else found

    def held(self, around: CompileContext, row: RowMapping) -> Any:
        """The count, number or moment of the contact."""
        rows, measured = self._made(around)
        whose = rows.selected_columns.contact_id
        return around.session.execute(rows.with_only_columns(measured).where(whose == row["id"])).scalar_one()

    def shown(self, value: Any) -> Any:
        """The same in words: "3 times", "sum 4,200"."""
        return None if value is None else Said(_HAD[self.measure], {"number": value})

    def words(self, _names: Names) -> Said:
        """Which event, when, and what is asked of it."""
        named = events.words(self._meant)
        parts: list[Any]
        if self.measure == "count":
            parts = [Said(mark("the event %(event)s happened"), {"event": named}), *self._often()]
            parts += [self.within.words()] if self.within else []
        else:
            subject: Any = Said(_SUBJECTS[self.measure], {"event": named, "property": self.measured})
            if self.within:
                subject = Listed((subject, self.within.words()), " ")
            parts = [compared(subject, self.op, self.value, self.unit)]
        return Said("%(parts)s", {"parts": Listed(tuple(parts), " ")})

    @property
    def needs(self) -> Dependencies:
        """Events of its name, and the day where that counts."""
        is_relative = self.op in RELATIVE or bool(self.within and self.within.last)
        return Dependencies(events=frozenset({self.event}), relative=is_relative)

    @property
    def _meant(self) -> EventIs:
        return EventIs.model_construct(event=self.event, where=self.where)

    def _made(self, around: CompileContext) -> tuple[Select[Any], ColumnElement[Any]]:
        """The events, and what is made of those of one contact."""
        when = self.within.bounds(around) if self.within else (None, None)
        rows = events.rows(self._meant, when)
        at, properties, name = event.c.occurred_at, event.c.properties, self.measured or ""
        if self.measure == "distinct":
            # Each value once, by a hash; count(DISTINCT) would sort the events of everybody.
            is_there = func.jsonb_typeof(properties[name]) != "null"
            each = rows.add_columns(properties[name].label("one")).where(is_there).distinct().subquery()
            return select(each.c.contact_id), func.count()
        made: dict[str, ColumnElement[Any]] = {
            "count": func.count(),
            "sum": func.coalesce(func.sum(numeric(properties, name)), 0),
            "avg": func.avg(numeric(properties, name)),
            "min": func.min(numeric(properties, name)),
            "max": func.max(numeric(properties, name)),
            "first": func.min(at),
            "last": func.max(at),
        }
        return rows, made[self.measure]

    def _holds_for_nothing(self, asked: Comparison) -> bool:
        """Whether 0, of no event at all, is what is asked for."""
        if self.measure not in (*COUNTS, "sum"):
            return False
        if asked.op == "between":
            low, high = (Decimal(str(one)) for one in asked.value)
            return low <= 0 <= high
        return bool(COMPARE[asked.op](Decimal(0), Decimal(str(asked.value))))

    def _often(self) -> list[Said]:
        if self.op == "between":
            return [Said(mark("from %(low)s to %(high)s times"), {"low": self.value[0], "high": self.value[1]})]
        is_once = (self.op, self.value) == ("gte", 1)
        return [] if is_once else [Said(TIMES[self.op], {"number": self.value})]
