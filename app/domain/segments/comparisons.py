"""One field of a contact compared with a value, by the type of the field. Everything is bound; nothing is pasted into SQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Exists,
    LargeBinary,
    Numeric,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid

from app.core.db import live
from app.domain.contacts import names
from app.domain.contacts.models import ContactAddress, GroupMember
from app.domain.segments import activity, days
from app.domain.segments.context import CompileContext, Predicate, contact, named, opposite, with_name
from app.domain.segments.fields import MANY, SET, Comparison, Field

Compare = Callable[[Any, Any], Predicate]
address = live(ContactAddress)
member = live(GroupMember)


def compare(around: CompileContext, info: Field, condition: Comparison) -> Predicate:
    """The predicate of a checked comparison."""
    by_source: dict[str, Callable[[], Predicate]] = {
        "name": lambda: _name(around, info, condition),
        "address": lambda: _address(around, info, condition),
        "domain": lambda: _domain(condition),
        "groups": lambda: _groups(condition),
        "activity": lambda: _activity(around, condition),
    }
    by_type: dict[str, Callable[[], Predicate]] = {
        "list": lambda: _list(info, condition),
        "number": lambda: number(_numeric(info), condition),
        "boolean": lambda: _boolean(info, condition),
        "date": lambda: _day(around, info, condition),
        "moment": lambda: moment(around, contact.c[info.key], condition),
    }
    found = by_source.get(info.source) or by_type.get(info.type)
    return found() if found else _text(_words(info), condition)


# ---- Text


def _words(info: Field) -> ColumnElement[Any]:
    """A clear text column, or a text of `properties`."""
    words: ColumnElement[Any] = _property(info).as_string() if info.source == "property" else contact.c[info.key]
    return words


def _property(info: Field) -> Any:
    """What `properties` holds under the field's key."""
    return contact.c.properties[info.key]


def texts(values: list[str]) -> ColumnElement[Any]:
    """A list of texts as one bound array."""
    return literal(values, ARRAY(Text))


def _text(words: ColumnElement[Any], condition: Comparison) -> Predicate:
    """`contains`, `starts_with` and `ends_with` do not mind capitals; `eq` and `in` do, and may use an index."""
    value = condition.value
    table: dict[str, Callable[[], Predicate]] = {
        "eq": lambda: words == value,
        "neq": lambda: words.is_distinct_from(value),
        "in": lambda: words == any_(texts(value)),
        "not_in": lambda: or_(words.is_(None), not_(words == any_(texts(value)))),
        "contains": lambda: words.ilike(f"%{escaped(value)}%", escape="\\"),
        "not_contains": lambda: or_(words.is_(None), words.not_ilike(f"%{escaped(value)}%", escape="\\")),
        "starts_with": lambda: words.ilike(f"{escaped(value)}%", escape="\\"),
        "ends_with": lambda: words.ilike(f"%{escaped(value)}", escape="\\"),
        "is_set": lambda: words != "",
        "is_not_set": lambda: or_(words.is_(None), words == ""),
    }
    return table[condition.op]()


def escaped(value: str) -> str:
    """Text with the wildcards of LIKE made ordinary characters."""
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# ---- Names


def _name(around: CompileContext, info: Field, condition: Comparison) -> Predicate:
    """First and last names lie encrypted; their tokens say who is called so, and the index of beginnings who may be.

    As names are compared: without capitals, points and marks. Whoever's names were not read yet is nowhere in.
    """
    held, op = named.c[info.key], condition.op
    if op in SET:
        return with_name(held.is_not(None) if op == "is_set" else held.is_(None))
    values = condition.value if op in MANY else [condition.value]
    begun = named.c.beginnings.overlap([names.beginning(around.vault, info.name, one) for one in values])
    if op == "starts_with":
        return with_name(begun)
    is_one = held == any_(literal([names.whole(around.vault, info.name, one) for one in values], ARRAY(BigInteger)))
    return with_name(begun, is_one) if op in ("eq", "in") else with_name(is_one.is_not(true()))


# ---- Addresses


def _addresses(kind: str) -> Select[Any]:
    return select(address.c.contact_id).where(address.c.contact_id == contact.c.id, address.c.kind == kind)


def _address(around: CompileContext, info: Field, condition: Comparison) -> Predicate:
    """E-mail and phone lie encrypted; equal ones are found by their blind index. Any of a person's addresses counts."""
    query = _addresses(info.name)
    if condition.op in ("eq", "in"):
        values = condition.value if condition.op == "in" else [condition.value]
        blinds = [around.vault.blind(info.name, value) for value in values]
        query = query.where(address.c.blind == any_(literal(blinds, ARRAY(LargeBinary))))
    found = query.correlate(contact).exists()
    return not_(found) if condition.op == "is_not_set" else found


_OPPOSITE = {"neq": "eq", "not_in": "in", "not_contains": "contains", "is_not_set": "is_set"}


def _domain(condition: Comparison) -> Predicate:
    """The domain of any of the person's e-mail addresses; the negations mean: of none of them."""
    straight = _OPPOSITE.get(condition.op)
    asked = replace(condition, op=straight) if straight else condition
    found = _addresses("email").where(_text(address.c.domain, asked)).correlate(contact).exists()
    return not_(found) if straight else found


# ---- Lists


def _groups(condition: Comparison) -> Predicate:
    query = select(member.c.contact_id).where(member.c.contact_id == contact.c.id)
    if condition.op in ("is_set", "is_not_set"):
        found = query.correlate(contact).exists()
        return not_(found) if condition.op == "is_not_set" else found
    if condition.op == "has_all":
        return and_(*[_in_group(query, [value]) for value in condition.value])
    found = _in_group(query, condition.value)
    return not_(found) if condition.op == "has_none" else found


def _in_group(query: Select[Any], ids: list[str]) -> Exists:
    wanted = literal([UUID(i) for i in ids], ARRAY(PgUuid(as_uuid=True)))
    return query.where(member.c.group_id == any_(wanted)).correlate(contact).exists()


def _list(info: Field, condition: Comparison) -> Predicate:
    if condition.op in ("is_set", "is_not_set"):
        filled = _filled(info)
        return filled.is_not(true()) if condition.op == "is_not_set" else filled
    symbol = "all" if condition.op == "has_all" else "any"
    if info.source == "tags":
        found: Predicate = contact.c.tags.op({"any": "&&", "all": "@>"}[symbol])(texts(condition.value))
    else:
        held = _property(info).op({"any": "?|", "all": "?&"}[symbol])(texts(condition.value))
        # A text of the same name would match "?|" too: only lists count.
        found = case((_is_list(info), held), else_=false())
    return found.is_not(true()) if condition.op == "has_none" else found


def _filled(info: Field) -> Predicate:
    if info.source == "tags":
        return func.cardinality(contact.c.tags) > 0
    length: Any = func.jsonb_array_length
    return case((_is_list(info), length(_property(info)) > 0), else_=false())


def _is_list(info: Field) -> Predicate:
    return func.jsonb_typeof(_property(info)) == "array"


# ---- Numbers and booleans


def _numeric(info: Field) -> ColumnElement[Any]:
    """A number column, or a property that is a number: text under the same key never reaches the cast."""
    if info.source == "column":
        return contact.c[info.key]
    held = _property(info)
    return case((func.jsonb_typeof(held) == "number", cast(held, Numeric)))


COMPARE: dict[str, Compare] = {
    "eq": lambda left, right: left == right,
    "neq": lambda left, right: left.is_distinct_from(right),
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}


def exact(value: Any) -> ColumnElement[Any]:
    """A number as PostgreSQL's numeric: 15000.10 stays what it is. A whole one as such: a count is then not made a numeric."""
    if isinstance(value, int):
        return literal(value, BigInteger)
    return literal(Decimal(str(value)), Numeric)


def number(held: ColumnElement[Any], condition: Comparison) -> Predicate:
    """A number compared."""
    if condition.op == "is_set":
        return held.is_not(None)
    if condition.op == "is_not_set":
        return held.is_(None)
    if condition.op == "between":
        low, high = condition.value
        return held.between(exact(low), exact(high))
    return COMPARE[condition.op](held, exact(condition.value))


def _boolean(info: Field, condition: Comparison) -> Predicate:
    held = _property(info)
    if condition.op == "is":
        same: Predicate = held == literal(condition.value, JSONB)
        return same
    is_boolean: Predicate = func.jsonb_typeof(held) == "boolean"
    return is_boolean if condition.op == "is_set" else is_boolean.is_not(true())


# ---- Days


def _day(around: CompileContext, info: Field, condition: Comparison) -> Predicate:
    """A date of `properties`: ISO dates sort as text, so nothing is cast that might not be a date.

    Every comparison is a range up to the day after its last day, so that a time behind the date does no harm.
    """
    day = _property(info).as_string().collate("C")
    if condition.op in ("is_set", "is_not_set"):
        return _is_day(day) if condition.op == "is_set" else _is_day(day).is_not(true())
    if condition.op in ("on", "before", "after", "between"):
        return _within_days(day, *_fixed(condition))
    found = by_today(around, lambda today: _near(day, condition, today))
    return found.is_not(true()) if condition.op == "not_in_last" else found


def _is_day(day: ColumnElement[Any]) -> Predicate:
    return day.like("____-__-__%")


def _within_days(day: ColumnElement[Any], first: date | None, last: date | None) -> Predicate:
    since = day >= first.isoformat() if first else true()
    until = day < (last + timedelta(days=1)).isoformat() if last else true()
    # Between two days there is hardly anything but days; without an end there is any text.
    return and_(since, until) if first and last else and_(since, until, _is_day(day))


def _fixed(condition: Comparison) -> tuple[date | None, date | None]:
    """The first and the last day that count."""
    value, one = condition.value, timedelta(days=1)
    if condition.op == "between":
        return date.fromisoformat(value[0]), date.fromisoformat(value[1])
    day = date.fromisoformat(value)
    return {"on": (day, day), "before": (None, day - one), "after": (day + one, None)}[condition.op]


def _near(day: ColumnElement[Any], condition: Comparison, today: date) -> Predicate:
    number, unit = condition.value, condition.unit or "days"
    if condition.op == "anniversary_in":
        wanted = texts(days.anniversaries(today, number, unit))
        return and_(_is_day(day), func.substr(day, 6, 5) == any_(wanted))
    return _within_days(day, *_window(condition.op, today, number, unit))


def _window(op: str, today: date, number: int, unit: str) -> tuple[date, date]:
    """The days of "in the last" or "in the next", today included."""
    if op == "in_next":
        return today, days.shifted(today, number, unit)
    return days.shifted(today, -number, unit), today


def by_today(around: CompileContext, near: Callable[[date], Predicate]) -> Predicate:
    """A comparison with today: the organisation's, or each contact's own where the definition says so."""
    home = around.today()
    if around.whose != "contact":
        return near(home)
    elsewhere: dict[date, list[str]] = {}
    for zone in available_timezones():
        day = around.now.astimezone(ZoneInfo(zone)).date()
        if day != home:
            elsewhere.setdefault(day, []).append(zone)
    ways = [(contact.c.timezone == any_(texts(sorted(zones))), near(day)) for day, zones in sorted(elsewhere.items())]
    return case(*ways, else_=near(home)) if ways else near(home)


def moment(around: CompileContext, at: ColumnElement[Any], condition: Comparison) -> Predicate:
    """A moment of our own records, by the days of the organisation."""
    if condition.op in ("is_set", "is_not_set"):
        return at.is_not(None) if condition.op == "is_set" else at.is_(None)
    first, end = _bounds(around, condition)
    found = and_(at >= first if first else true(), at < end if end else true())
    return found.is_not(true()) if condition.op == "not_in_last" else found


def _activity(around: CompileContext, condition: Comparison) -> Predicate:
    """The last sign of life lies in a time if there is one in it and none after it: nobody's latest has to be looked for."""
    if condition.op in ("is_set", "is_not_set"):
        ever = activity.between(None, None)
        return ever if condition.op == "is_set" else not_(ever)
    first, end = _bounds(around, condition)
    within: Predicate = activity.between(first, end)
    if end and end <= around.now:
        within = and_(within, not_(activity.between(end, None)))
    return opposite(within) if condition.op == "not_in_last" else within


def _bounds(around: CompileContext, condition: Comparison) -> tuple[datetime | None, datetime | None]:
    """From when, and before when, by the first and the last day that count."""
    is_near = condition.op in ("in_last", "not_in_last", "in_next")
    first, last = (
        _window(condition.op, around.today(), condition.value, condition.unit or "days")
        if is_near
        else _fixed(condition)
    )
    end = last + timedelta(days=1) if last else None
    return days.begin(first, around.zone) if first else None, days.begin(end, around.zone) if end else None
