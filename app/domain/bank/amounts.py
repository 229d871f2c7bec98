"""What the core bank says of a day, judged record by record: an amount, or what is wrong with it. Nothing is guessed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.gateways.corebank.base import Record

_PLAIN = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,2})?")


@dataclass(frozen=True)
class Value:
    """A record that can be kept."""

    record: Record
    day: date
    amount: Decimal

    @property
    def opened_on(self) -> date | None:
        """The day the customer came to the bank, where one is told that can be."""
        told = _day(self.record.opened_on or "")
        return told if told and told <= self.day else None


@dataclass(frozen=True)
class Issue:
    """A record that cannot, and why."""

    kind: str
    record: Record
    day: date


def judge(
    records: Iterable[Record], asked: date, oldest: date, currencies: frozenset[str]
) -> tuple[list[Value], list[Issue]]:
    """Values and issues of a batch that was asked for a day.

    A record of an earlier day is a correction, of a later one, or of one before `oldest`, a mistake. The same record twice
    counts once; two that say different things of one version of one day are both put aside.
    """
    issues: list[Issue] = []
    found: dict[tuple[str, date, int], Value] = {}
    torn: set[tuple[str, date, int]] = set()
    for record in records:
        day = _day(record.date)
        if kind := _wrong(record, day, oldest, asked, currencies):
            issues.append(Issue(kind, record, day or asked))
            continue
        value = Value(record, day or asked, Decimal(record.amount))
        key = (record.external_id, value.day, record.version)
        if key not in found:
            found[key] = value
        elif found[key].amount == value.amount:
            issues.append(Issue("duplicate", record, value.day))
        else:
            torn.add(key)
            issues += [Issue("conflict", one.record, one.day) for one in (found[key], value)]
    return [value for key, value in found.items() if key not in torn], issues


def is_amount(said: str) -> bool:
    """True if it is a number as it is kept; nothing is guessed."""
    return bool(_PLAIN.fullmatch(said))


def _wrong(record: Record, day: date | None, oldest: date, asked: date, currencies: frozenset[str]) -> str:
    if day is None or not oldest <= day <= asked:
        return "wrong_day"
    if not is_amount(record.amount):
        return "bad_format"
    return "" if record.currency in currencies else "wrong_currency"


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None
