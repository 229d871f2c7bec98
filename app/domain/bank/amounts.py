"""What the core bank says of a day, judged record by record: an amount, or what is wrong with it. Nothing is guessed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.gateways.corebank.base import Record

_PLAIN = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,2})?")
_ACCOUNT = re.compile(r"[^\s|,\x00-\x1f\x7f]{0,40}")  # "|" and "," part the text a digest is of
TYPE = r"^[a-z]{1,30}$"  # of an account, as the bank calls it
CURRENT = "current"  # an account nobody says the type of


@dataclass(frozen=True)
class Value:
    """A record that can be kept."""

    record: Record
    day: date
    amount: Decimal

    @property
    def account_type(self) -> str:
        """What kind of account it is of."""
        return self.record.account_type or CURRENT

    @property
    def opened_on(self) -> date | None:
        """The day the account was opened, or the customer came to the bank, where one is told that can be."""
        told = _day(self.record.opened_on or "")
        return told if told and told <= self.day else None

    @property
    def closed_on(self) -> date | None:
        """The last day of the account, where one is told that can be."""
        told = _day(self.record.closed_on or "")
        return told if told and told >= self.day else None

    @property
    def what(self) -> tuple[Decimal, str, str]:
        """What it says."""
        return self.amount, self.record.currency, self.account_type


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
    counts once; two that say different things of one version of an account's day are both put aside, and so is what is told of
    a customer's day with accounts and without.
    """
    issues: list[Issue] = []
    found: dict[tuple[str, str, date, int], Value] = {}
    torn: set[tuple[str, str, date, int]] = set()
    for record in records:
        day = _day(record.date)
        if kind := _wrong(record, day, oldest, asked, currencies):
            issues.append(Issue(kind, record, day or asked))
            continue
        value = Value(record, day or asked, Decimal(record.amount))
        key = (record.external_id, record.account, value.day, record.version)
        if key not in found:
            found[key] = value
        elif found[key].what == value.what:
            issues.append(Issue("duplicate", record, value.day))
        else:
            torn.add(key)
            issues += [Issue("conflict", one.record, one.day) for one in (found[key], value)]
    named, unnamed = ({(key[0], key[2]) for key in found if bool(key[1]) is is_named} for is_named in (True, False))
    mixed = {key for key in found if (key[0], key[2]) in named & unnamed}
    issues += [Issue("conflict", found[key].record, found[key].day) for key in sorted(mixed - torn)]
    return [value for key, value in found.items() if key not in torn | mixed], issues


def is_amount(said: str) -> bool:
    """True if it is a number as it is kept; nothing is guessed."""
    return bool(_PLAIN.fullmatch(said))


def _wrong(record: Record, day: date | None, oldest: date, asked: date, currencies: frozenset[str]) -> str:
    if day is None or not oldest <= day <= asked:
        return "wrong_day"
    if not (
        is_amount(record.amount)
        and _ACCOUNT.fullmatch(record.account)
        and re.match(TYPE, record.account_type or CURRENT)
    ):
        return "bad_format"
    return "" if record.currency in currencies else "wrong_currency"


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None
