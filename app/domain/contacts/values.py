"""Values of properties as banks, spreadsheets and systems write them, brought to their type."""

import re
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from app.core.text import clean

LONGEST_TEXT = 2_000
LARGEST = 10**18  # texts cannot reckon with more
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?")
_SPELLED = re.compile(r"([+-]?)(\d{1,15}|\d{1,3}(?:,\d{3}){1,5})(\.\d{1,15})?(?:[eE]([+-]?\d{1,2}))?")
_CURRENCY = r"(?:[₪$€£]|(?i:ils|nis|usd|eur|gbp)|ש[\"״”']?ח)"
_AROUND = re.compile(rf"{_CURRENCY}(?=[\d.+-])|(?<=[\d.+-]){_CURRENCY}")
_HARD_SPACE = re.compile("[\u00a0\u2007\u2009\u202f]")  # between thousands, and before a currency
_MINUS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d", "-"))
_DAY = re.compile(r"(?:(\d{1,2})([./-])(\d{1,2})\2(\d{4})|(\d{4})([./])(\d{1,2})\6(\d{1,2}))(?:[T ,]+(.+))?")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?")
_YES = {"true", "yes", "1", "כן"}
_NO = {"false", "no", "0", "לא"}


def typed(kind: str, value: Any, zone: str) -> Any:
    """The value as it is kept: text, an int or float, a bool, an ISO date, a list of texts. Raises ValueError.

    `zone` is the organisation's: a moment belongs to the day it is there.
    """
    if kind == "list":
        items = value if isinstance(value, list | tuple) else str(value).replace(";", ",").split(",")
        return [text for item in items if (text := clean(str(item)))]
    if kind == "number":
        return within(value) if isinstance(value, int | float) and not isinstance(value, bool) else number(str(value))
    if kind == "boolean":
        return value if isinstance(value, bool) else boolean(str(value))
    if kind == "date":
        return day(value.isoformat() if isinstance(value, date) else str(value), zone)
    text = clean(str(value))
    if len(text) > LONGEST_TEXT:
        raise ValueError("too long")
    return text


def within(value: float) -> int | float:
    """The number itself, if it can be kept and reckoned with: not infinite, no NaN. Raises ValueError."""
    if not -LARGEST <= value <= LARGEST:
        raise ValueError("not a number, or too large")
    return value


def number(value: str) -> int | float:
    """A number as people and banks write it: 1234, -12.5, 1,234.50 ₪, (500), 500-, −500, 5.0E3. Raises ValueError."""
    if _NUMBER.fullmatch(value):  # most are
        return float(value) if "." in value else int(value)
    text, negative = _unsigned(_HARD_SPACE.sub("", clean(value).translate(_MINUS)))
    match = _SPELLED.fullmatch(text)
    if match is None or (negative and match.group(1)):
        raise ValueError("not a number")
    exact = f"{'-' if negative else match.group(1)}{match.group(2).replace(',', '')}{match.group(3) or ''}"
    if match.group(4):
        return _whole(within(float(f"{exact}e{match.group(4)}")))
    return float(exact) if match.group(3) else int(exact)


def _unsigned(text: str) -> tuple[str, bool]:
    """The number without its currency and without the two signs of bookkeepers: brackets, and a minus behind it."""
    text = _AROUND.sub("", re.sub(r"\s*(" + _CURRENCY + r")\s*", r"\1", text), count=1)
    if text[:1] == "(" and text[-1:] == ")":
        return _AROUND.sub("", text[1:-1].strip(), count=1), True
    if text[-1:] == "-":
        return text[:-1].rstrip(), True
    return text, False


def _whole(value: float) -> int | float:
    return int(value) if value == int(value) else value


def boolean(value: str) -> bool:
    """Yes or no, also in Hebrew. Raises ValueError."""
    text = clean(value).lower()
    if text in _YES:
        return True
    if text in _NO:
        return False
    raise ValueError("neither yes nor no")


def day(value: str, zone: str = "UTC") -> str:
    """A date in ISO form, from 2026-03-31, 2026/3/31, 31/3/2026, 31.3.2026 or 31-3-2026, with or without a clock.

    A moment that names its zone is the day it is in `zone`: local midnight, as systems write it, is the evening before in UTC.
    Raises ValueError.
    """
    text = clean(value)
    if match := _DAY.fullmatch(text):
        d, _, m, y, year, _, month, dd, clock = match.groups()
        if clock and not _CLOCK.fullmatch(clock):
            raise ValueError("not a date")
        return date(int(y or year), int(m or month), int(d or dd)).isoformat()
    if len(text) <= 10:
        return date.fromisoformat(text).isoformat()
    moment = datetime.fromisoformat(text)
    try:
        return (moment.astimezone(ZoneInfo(zone)) if moment.tzinfo else moment).date().isoformat()
    except OverflowError as broke:  # the first and the last days of the calendar
        raise ValueError("not a date") from broke
