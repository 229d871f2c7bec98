"""The filters a customer's text may use: each bounded in what it takes and makes, some of them speaking the text's language."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache, wraps
from typing import Any

from babel import dates
from liquid.builtin.filters import array, math, misc, string
from liquid.exceptions import FilterArgumentError

from app.core import i18n

LONGEST_VALUE = 20_000
LONGEST_ARGUMENT = 1_000
MOST_ITEMS = 1_000
LARGEST_NUMBER = 10**18

_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_DIRECTIVE = re.compile(r"%(-?)([a-zA-Z%])")

# A small language on purpose: what is not here could make huge values, or has no use in a message.
_TAKEN: dict[str, Callable[..., Any]] = {
    "append": string.append, "capitalize": string.capitalize, "downcase": string.downcase, "escape": string.escape,
    "escape_once": string.escape_once, "lstrip": string.lstrip, "newline_to_br": string.newline_to_br,
    "prepend": string.prepend, "remove": string.remove, "remove_first": string.remove_first, "replace": string.replace,
    "replace_first": string.replace_first, "rstrip": string.rstrip, "slice": string.slice_, "split": string.split,
    "squish": string.squish, "strip": string.strip, "strip_html": string.strip_html,
    "strip_newlines": string.strip_newlines, "truncate": string.truncate, "truncatewords": string.truncatewords,
    "upcase": string.upcase, "url_encode": string.url_encode,
    "abs": math.abs_, "at_least": math.at_least, "at_most": math.at_most, "ceil": math.ceil,
    "divided_by": math.divided_by, "floor": math.floor, "minus": math.minus, "modulo": math.modulo, "plus": math.plus,
    "round": math.round_, "times": math.times,
    "compact": array.compact, "first": array.first, "join": array.join, "last": array.last, "reverse": array.reverse,
    "sort": array.sort, "uniq": array.uniq,
    "default": misc.default, "size": misc.size,
}  # fmt: skip


def of_language(language: str) -> dict[str, Callable[..., Any]]:
    """Every filter by name, for texts in one language."""
    own = {
        "money": lambda value, currency="ILS": money(value, currency, language),
        "number": lambda value, digits=None: number(value, digits, language),
        "date": lambda value, style="short": written_date(value, style, language),
    }
    return {name: _bounded(made) for name, made in {**_TAKEN, **own}.items()}


def _bounded(filter_: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter_)
    def bounded(value: object, *arguments: object, **named: object) -> object:
        _check(value, LONGEST_VALUE)
        for argument in arguments:
            _check(argument, LONGEST_ARGUMENT)
        made: object = filter_(value, *arguments, **named)
        _check(made, LONGEST_VALUE)
        return made

    return bounded


def _check(value: object, longest: int) -> None:
    if isinstance(value, str):
        too_much = len(value) > longest
    elif isinstance(value, list | tuple | dict):
        too_much = len(value) > MOST_ITEMS
    elif isinstance(value, int | float | Decimal):
        too_much = not -LARGEST_NUMBER <= value <= LARGEST_NUMBER  # also not a number
    else:
        too_much = isinstance(value, range)
    if too_much:
        raise FilterArgumentError("a value is too large", token=None)


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        found = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) <= LARGEST_NUMBER else None


def money(value: object, currency: object, language: str) -> str:
    """An amount with its currency's sign; what is no amount stays as it is, nothing stays nothing."""
    amount = _decimal(value)
    code = str(currency).upper()
    if amount is None:
        return _as_it_is(value)
    if not re.fullmatch("[A-Z]{3}", code):
        raise FilterArgumentError(f"{currency} is not a currency", token=None)
    return _money(amount, code, language)


@lru_cache(maxsize=4096)
def _money(amount: Decimal, currency: str, language: str) -> str:
    # Babel puts direction marks and hard spaces around a Hebrew amount: in an SMS they cost, and force Unicode.
    return _BIDI.sub("", i18n.money(amount, currency, language)).replace("\xa0", " ").strip()


def number(value: object, digits: object, language: str) -> str:
    """A number by locale, with `digits` after the point; what is no number stays as it is."""
    found = _decimal(value)
    if found is None:
        return _as_it_is(value)
    if digits is not None and (not isinstance(digits, int) or not 0 <= digits <= 9):
        raise FilterArgumentError("digits after the point are 0 to 9", token=None)
    return _BIDI.sub("", i18n.number(found, language, digits))


def written_date(value: object, style: object, language: str) -> str:
    """A date in the text's language: short, medium, long, full, or a pattern of %d %m %Y %H %M %B %A and their kind."""
    found = _moment(value)
    if found is None:
        return _as_it_is(value)
    if style in ("short", "medium", "long", "full"):
        return _BIDI.sub("", i18n.day(found.date(), language, style))
    return _DIRECTIVE.sub(lambda match: _directive(found, match.group(1), match.group(2), language), str(style))


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a calendar date has no zone
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _directive(moment: datetime, bare: str, letter: str, language: str) -> str:
    names = {"B": "MMMM", "b": "MMM", "A": "EEEE", "a": "EEE"}
    if letter in names:
        return str(dates.format_datetime(moment, names[letter], locale=i18n.region(language)))
    if letter not in "dmYyHMjSe%":
        raise FilterArgumentError(f"%{letter} is not a part of a date", token=None)
    written = moment.strftime("%d" if letter == "e" else f"%{letter}")
    return written.lstrip("0") or "0" if bare or letter == "e" else written


def _as_it_is(value: object) -> str:
    return "" if value is None or not isinstance(value, str | int | float | Decimal) else str(value)
