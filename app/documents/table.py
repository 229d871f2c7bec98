"""A table as every document understands it: columns with a kind, rows of plain values."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum

from app.core import i18n

Cell = str | int | float | Decimal | date | datetime | bool | None
Row = Sequence[Cell]

# A spreadsheet takes text that begins so for a formula (OWASP: CSV injection), also after blanks and in the wide forms.
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class Kind(StrEnum):
    """What a column holds, and so how it is aligned, spelt and typed."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    PERCENT = "percent"  # a share: 0.25 is 25%
    DATE = "date"
    MOMENT = "moment"  # an aware datetime, shown in the document's zone


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `digits` after the point; `currency` of a money column; `width` in characters, guessed if absent."""

    title: str
    kind: Kind = Kind.TEXT
    digits: int | None = None
    currency: str = "ILS"
    width: int | None = None

    @property
    def numeric(self) -> bool:
        return self.kind in (Kind.NUMBER, Kind.MONEY, Kind.PERCENT)

    @property
    def decimals(self) -> int:
        """Digits after the point where none were named."""
        return self.digits if self.digits is not None else {Kind.MONEY: 2, Kind.PERCENT: 1}.get(self.kind, 0)


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; `total` is a last row in the same columns, `note` a sentence under it."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    total: Row | None = None
    note: str = ""


def clean(text: str) -> str:
    """Text without the control characters that no spreadsheet and no XML takes."""
    return _CONTROL.sub("", text)


def finite(value: Cell) -> Cell:
    """A value a cell can hold: infinity and not-a-number are no values."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    return value


def spell(value: Cell, column: Column, locale: str, zone: str | tzinfo = "UTC") -> str:
    """A value as people read it in a language; nothing for no value."""
    value = finite(value)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return i18n.moment(value, locale, zone) if column.kind is Kind.MOMENT else i18n.day(value.date(), locale)
    if isinstance(value, date):
        return i18n.day(value, locale)
    if isinstance(value, str | bool):
        return str(value)
    return _spell_number(value, column, locale)


def _spell_number(value: float | Decimal, column: Column, locale: str) -> str:
    match column.kind:
        case Kind.MONEY:
            return i18n.money(Decimal(str(value)), column.currency, locale)
        case Kind.PERCENT:
            return i18n.percent(value, locale, column.decimals)
        case Kind.NUMBER:
            return i18n.number(value, locale, column.digits)
        case _:
            return str(value)
