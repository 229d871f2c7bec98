"""What may be asked of a field: which comparisons and values its type takes, each value in its normal form."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from app.core import phone, text
from app.core.clock import is_day
from app.core.errors import mark
from app.domain.contacts import names
from app.domain.segments.condition import Unfit
from app.domain.segments.fields import MANY, RELATIVE, SET, Catalogue, Comparison, Field

MOST_VALUES = 1000
MOST_TEXT = 500


def checked(known: Catalogue, name: str, condition: Comparison) -> Comparison:
    """The comparison of a field, with its value in its normal form. Raises Unfit."""
    info = known.get(name)
    if info is None and name in known.pii:
        raise Unfit("field", mark("This field is encrypted. Segments cannot use it."))
    if info is None:
        raise Unfit("field", mark("There is no such field."))
    return fitted(known, info, condition, info.ops)


def fitted(known: Catalogue, info: Field, condition: Comparison, ops: Sequence[str]) -> Comparison:
    """A comparison of something of a field's type, with one of these operators. Raises Unfit."""
    if condition.op not in ops:
        raise Unfit("op", mark("This field cannot be compared like that."))
    value, unit = _value(known, info, condition), None
    if condition.op in RELATIVE:
        value, unit = _relative(condition)
    elif condition.unit is not None:
        raise Unfit("unit", mark("Only comparisons with today have a unit."))
    return Comparison(condition.op, value, unit)


def _value(known: Catalogue, info: Field, condition: Comparison) -> Any:
    op, value = condition.op, condition.value
    if op in SET:
        if value is not None:
            raise Unfit("value", mark("This comparison takes no value."))
        return None
    if op in RELATIVE:
        return None
    read = _reader(known, info, condition)
    if op in MANY:
        return _many(value, read)
    if op == "between":
        return _between(info, value, read)
    return read(value, "value")


Read = Callable[[Any, str], Any]


def _reader(known: Catalogue, info: Field, condition: Comparison) -> Read:
    if info.source == "address":
        return _email if info.name == "email" else lambda value, place: _phone(known, value, place)
    if info.source == "name":
        return lambda value, place: _name(condition.op, value, place)
    if info.source == "groups":
        return lambda value, place: _group(known, value, place)
    if info.source == "domain":
        return lambda value, place: _text(value, place).lower().lstrip("@")
    if info.type == "choice":
        return lambda value, place: _choice(info, value, place)
    if info.type == "boolean":
        return _boolean
    if info.type == "number":
        return _number
    return _date if info.type in ("date", "moment") else _text


def _many(value: Any, read: Read) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise Unfit("value", mark("This must be a list."))
    if not value:
        raise Unfit("value", mark("Give at least one value."))
    if len(value) > MOST_VALUES:
        raise Unfit("value", mark("Too many values: %(most)s at most."), most=MOST_VALUES)
    return list(dict.fromkeys(read(one, f"value[{n}]") for n, one in enumerate(value)))


def _between(info: Field, value: Any, read: Read) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise Unfit("value", mark("Give two values: from and to."))
    low, high = read(value[0], "value[0]"), read(value[1], "value[1]")
    if (Decimal(str(low)) > Decimal(str(high))) if info.type == "number" else low > high:
        raise Unfit("value", mark("“from” must not be greater than “to”."))
    return [low, high]


def _is_number(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise Unfit(place, mark("This must be text."))
    clean = text.clean(value)
    if not clean:
        raise Unfit(place, mark("This field is required."))
    if len(clean) > MOST_TEXT:
        raise Unfit(place, mark("This is too long."))
    return clean


def _number(value: Any, place: str) -> int | float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        raise Unfit(place, mark("This is not a number."))
    if not _is_number(str(value)) or abs(Decimal(str(value))) >= Decimal(10) ** 18:
        raise Unfit(place, mark("This is not a number."))
    return value


def _date(value: Any, place: str) -> str:
    if not is_day(value):
        raise Unfit(place, mark("This is not a date. Write it as 2026-12-31."))
    return str(value)


def _boolean(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise Unfit(place, mark("This is either true or false."))
    return value


def _choice(info: Field, value: Any, place: str) -> str:
    if not isinstance(value, str) or value not in {code for code, _ in info.choices}:
        raise Unfit(place, mark("Choose one of the values offered."))
    return str(value)


def _name(op: str, value: Any, place: str) -> str:
    said = _text(value, place)
    compared = text.folded(said)
    if not compared:
        raise Unfit(place, mark("This is not a name."))
    if op == "starts_with" and len(compared) > names.LONGEST:
        raise Unfit(place, mark("Give the first %(most)s letters at most."), most=names.LONGEST)
    return said


def _email(value: Any, place: str) -> str:
    address = text.email(_text(value, place))
    if address is None:
        raise Unfit(place, mark("This is not an e-mail address."))
    return address


def _phone(known: Catalogue, value: Any, place: str) -> str:
    number = phone.parse(_text(value, place), known.region)
    if number is None:
        raise Unfit(place, mark("This is not a phone number."))
    return number


def _group(known: Catalogue, value: Any, place: str) -> str:
    """A group by its id or its name; kept by its id, so that it may be renamed."""
    said = _text(value, place)
    if said in known.groups:
        return said
    for group_id, name in known.groups.items():
        if name == said or group_id == _as_uuid(said):
            return group_id
    raise Unfit(place, mark("There is no such group."))


def _as_uuid(said: str) -> str:
    try:
        return str(UUID(said))
    except ValueError:
        return ""


def _relative(condition: Comparison) -> tuple[int, str]:
    """How many units from today: {"last": 30, "unit": "days"}, or the number with `unit` beside it."""
    value, unit = condition.value, condition.unit
    if isinstance(value, dict):
        numbers = [value[name] for name in ("last", "next") if name in value]
        unit = value.get("unit", unit)
        value = numbers[0] if len(numbers) == 1 and not set(value) - {"last", "next", "unit"} else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit("value", mark("This is not a whole number."))
    if not 0 <= value <= 3660:
        raise Unfit("value", mark("This number is out of range."))
    if unit not in (None, "days", "weeks", "months", "years"):
        raise Unfit("unit", mark("Choose one of the values offered."))
    return value, str(unit or "days")
