"""Which events are meant: a name, and what their properties have to be. One definition, for SQL and for a single event."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import ColumnElement, FromClause, Numeric, and_, case, cast, collate, func, literal, not_, or_
from sqlalchemy.dialects.postgresql import JSONB

from app.core.errors import mark

NAME = r"^[a-z0-9][a-z0-9_.:-]{0,63}$"
WRITTEN = re.compile(NAME)
Op = Literal["eq", "neq", "gt", "gte", "lt", "lte", "contains", "in", "not_in", "is_set", "is_not_set"]
_ORDERED = ("gt", "gte", "lt", "lte")
_OPPOSITE = {"neq": "eq", "not_in": "in", "is_not_set": "is_set"}
Scalar = str | int | float | bool
MOST_VALUES, MOST_TEXT = 100, 500
_BELOW = Decimal(10) ** 18


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _named(value: str) -> str:
    if not WRITTEN.fullmatch(value):
        raise ValueError(mark("An event is named by small letters, digits and “_.:-”, 64 at most."))
    return value


def _plain(value: str) -> str:
    if "\0" in value:
        raise ValueError(mark("This value does not fit."))
    return value


EventName = Annotated[str, AfterValidator(_named)]
PropertyName = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_plain)]


class PropertyIs(_Part):
    """A property of the event compared with a value. What an event does not have is unequal to everything."""

    property: PropertyName
    op: Op = "eq"
    value: Scalar | list[Scalar] | None = None

    @field_validator("value", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        """One complaint about a value of no kind, not one for each kind."""
        values = value if isinstance(value, list) else [value]
        if not all(one is None or isinstance(one, str | int | float) for one in values):
            raise ValueError(mark("This value does not fit."))
        return value

    @model_validator(mode="after")
    def _fits(self) -> "PropertyIs":
        values = self.value if isinstance(self.value, list) else [] if self.value is None else [self.value]
        if self.op in ("is_set", "is_not_set"):
            wanted = self.value is None
        elif self.op in ("in", "not_in"):
            wanted = isinstance(self.value, list) and 0 < len(values) <= MOST_VALUES
        elif self.op in _ORDERED:
            wanted = _number(self.value) is not None
        elif self.op == "contains":
            wanted = isinstance(self.value, str) and bool(self.value)
        else:
            wanted = self.value is not None and not isinstance(self.value, list)
        if not wanted or not all(map(_is_kept, values)):
            raise ValueError(mark("This value does not fit."))
        return self

    def holds(self, properties: Mapping[str, Any]) -> bool:
        """Whether an event with these properties is meant."""
        if self.op in _OPPOSITE:
            return not self._is(_OPPOSITE[self.op], properties.get(self.property))
        return self._is(self.op, properties.get(self.property))

    def _is(self, op: str, found: Any) -> bool:
        if found is None:
            return False
        if op == "is_set":
            return True
        if op == "in":
            assert isinstance(self.value, list)
            return any(_same(found, one) for one in self.value)
        if op == "contains":
            return isinstance(found, str) and _folded(str(self.value)) in _folded(found)
        if op == "eq":
            return _same(found, self.value)
        have, asked = _number(found), _number(self.value)
        if have is None or asked is None:
            return False
        return {"gt": have > asked, "gte": have >= asked, "lt": have < asked, "lte": have <= asked}[op]

    def compile(self, properties: ColumnElement[Any]) -> ColumnElement[bool]:
        """The same on a column of properties; never NULL."""
        if self.op in _OPPOSITE:
            return not_(self._sql(_OPPOSITE[self.op], properties))
        return self._sql(self.op, properties)

    def _sql(self, op: str, properties: ColumnElement[Any]) -> ColumnElement[bool]:
        found = properties[self.property]
        is_there = func.coalesce(func.jsonb_typeof(found), "null") != "null"
        if op == "is_set":
            return is_there
        if op == "in":
            assert isinstance(self.value, list)
            return or_(*(_equal(found, one) for one in self.value))
        if op == "contains":
            plain = case((func.jsonb_typeof(found) == "string", properties[self.property].astext), else_="")
            return func.strpos(func.lower(collate(plain, "pg_c_utf8")), _folded(str(self.value))) > 0
        if op == "eq":
            return _equal(found, self.value)
        number = numeric(properties, self.property)
        asked = literal(_number(self.value), Numeric)
        compared = {"gt": number > asked, "gte": number >= asked, "lt": number < asked, "lte": number <= asked}[op]
        return func.coalesce(compared, False)


class Where(_Part):
    """What all have to be true; none is any event of the name."""

    all: tuple[PropertyIs, ...] = Field(default=(), max_length=10)


class EventIs(_Part):
    """Events of a name whose properties are so."""

    event: EventName
    where: Where = Where()

    def holds(self, name: str, properties: Mapping[str, Any]) -> bool:
        """Whether an event is meant."""
        return name == self.event and all(one.holds(properties) for one in self.where.all)

    def compile(self, event: FromClause) -> ColumnElement[bool]:
        """The same on the rows of `events`; never NULL."""
        return and_(event.c.name == self.event, *(one.compile(event.c.properties) for one in self.where.all))


def numeric(properties: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """A property as a number, NULL where it is none: JSON numbers only, because "12 apples" would stop the statement."""
    found = properties[name]
    return case((func.jsonb_typeof(found) == "number", cast(found, Numeric)), else_=None)


def _equal(found: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    return func.coalesce(found == cast(literal(value, JSONB), JSONB), False)


def _same(found: Any, value: Any) -> bool:
    """Equal as JSON: 1 is 1.0, and neither is true. Numbers as they are written, like PostgreSQL: 1e23 is 10 to the 23rd."""
    if isinstance(found, bool) or isinstance(value, bool):
        return found is value
    one, other = _number(found), _number(value)
    return bool(found == value) if one is None else one == other


def _folded(text: str) -> str:
    """Small letters as PostgreSQL's pg_c_utf8 makes them: each by itself, so İ stays one letter and Σ is σ everywhere."""
    return "".join("i" if letter == "İ" else letter.lower() for letter in text)


def _is_kept(value: Scalar) -> bool:
    """Whether JSON in the database can hold it, and anybody could mean it."""
    if isinstance(value, str):
        return "\0" not in value and len(value) <= MOST_TEXT
    number = _number(value)
    return isinstance(value, bool) or (number is not None and number.is_finite() and abs(number) < _BELOW)


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
