"""Gettext and the spelling of numbers, money and dates without Flask: for jobs and documents, and for web/locale."""

import io
import re
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel import dates, numbers
from babel.core import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from app.core.errors import mark

# en_IL and not en_US: shekels before the number, day before month, 24 hours.
LANGUAGES = {"en": "en_IL", "he": "he_IL"}
NAMES = {"en": "English", "he": "עברית"}
FOLDER = Path(__file__).resolve().parent.parent / "translations"
Style = Literal["short", "medium", "long", "full"]
_JUST_NOW = mark("just now")
_RIGHT_TO_LEFT = frozenset({"he"})
_QUOTED, _ISOLATE = re.compile(r"""([“”"״])(%\(\w+\)s)(?=[“”"״])"""), "\\1\u2068\\2\u2069"


@lru_cache(maxsize=64)
def language(locale: str) -> str:
    """The language of a locale we speak ('he' of 'he_IL', 'he-IL', 'he'); English for all others."""
    short = locale.replace("-", "_").partition("_")[0].lower()
    return short if short in LANGUAGES else "en"


@lru_cache(maxsize=64)
def region(locale: str) -> Locale:
    """Babel's locale for a language: Israel's spelling of numbers and dates."""
    return Locale.parse(LANGUAGES[language(locale)])


def direction(locale: str) -> str:
    """The `dir` attribute of a language."""
    return "rtl" if language(locale) in _RIGHT_TO_LEFT else "ltr"


def translator(locale: str) -> Translations:
    """The catalogue of a language, with gettext and ngettext; compiled once from its .po file, in memory."""
    return _catalogue(language(locale))


@cache
def _catalogue(short: str) -> Translations:
    path = FOLDER / short / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return Translations()
    compiled = io.BytesIO()
    with path.open("rb") as source:
        catalogue = read_po(source, locale=short, domain="messages")
    if direction(short) == "rtl":
        for message in catalogue:
            said = message.string
            message.string = _isolated(said) if isinstance(said, str) else tuple(map(_isolated, said or ()))
    write_mo(compiled, catalogue)
    compiled.seek(0)
    made = Translations(compiled)
    made._catalog.pop("", None)  # noqa: SLF001 - its own head stands there: no words are no words in every language
    return made


def _isolated(said: str) -> str:
    """With the places in quotation marks isolated: a Latin name keeps its brackets where they belong in a Hebrew sentence."""
    return _QUOTED.sub(_ISOLATE, said)


def say(message: str, values: dict[str, object] | None, locale: str) -> str:
    """A marked message in a language, its %(name)s places filled."""
    text = translator(locale).gettext(message)
    return text % values if values else text


def warm() -> None:
    """Read the words of every language now: the first text of a process would otherwise pay for them out of its own time."""
    for locale in LANGUAGES:
        number(1, locale)
        day(date(2026, 1, 1), locale)
        money(Decimal(1), "ILS", locale)
        translator(locale)


def number(value: float | Decimal, locale: str, digits: int | None = None) -> str:
    """A number by locale; `digits` after the point, or as many as it has up to three."""
    if digits is None:
        return str(numbers.format_decimal(value, locale=region(locale)))
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return str(numbers.format_decimal(value, pattern, locale=region(locale)))


def change(value: int, locale: str) -> str:
    """A number by locale that says its direction: +12, -3."""
    return str(numbers.format_decimal(value, "+#,##0;-#,##0", locale=region(locale)))


def money(amount: Decimal, currency: str, locale: str) -> str:
    """An amount with its currency's sign."""
    return numbers.format_currency(amount, currency, locale=region(locale))


def percent(share: float | Decimal, locale: str, digits: int = 1) -> str:
    """A share (0.984) as per cent (98.4%)."""
    pattern = "#,##0" + ("." + "0" * digits if digits else "") + "%"
    return str(numbers.format_percent(share, pattern, locale=region(locale)))


@lru_cache(maxsize=4096)  # Babel takes 40 us; a list shows the same days again and again
def day(value: date, locale: str, style: Style = "short") -> str:
    """A calendar date: short (22/11/2026), medium, long or full."""
    return dates.format_date(value, format=style, locale=region(locale))


def month(value: date, locale: str) -> str:
    """A month by its name and year (October 2026)."""
    return dates.format_skeleton("yMMMM", value, locale=region(locale))


def moment(value: datetime, locale: str, zone: str | tzinfo, style: Style = "short") -> str:
    """A moment in a zone, with hours and minutes."""
    zoned = value.astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone)
    return f"{day(zoned.date(), locale, style)}, {zoned:%H:%M}"


def seconds_from(value: datetime, now: datetime) -> int:
    """The distance as `from_now` tells it: whole seconds, from a minute on whole minutes."""
    seconds = round((value - now).total_seconds())
    return seconds if abs(seconds) < 60 else seconds // 60 * 60


@lru_cache(maxsize=4096)
def from_now(seconds: int, locale: str) -> str:
    """A distance in words: “just now”, “3 hours ago”, “in 2 days”."""
    if abs(seconds) < 5:
        return translator(locale).gettext(_JUST_NOW)
    return dates.format_timedelta(timedelta(seconds=seconds), add_direction=True, locale=region(locale), threshold=0.9)
