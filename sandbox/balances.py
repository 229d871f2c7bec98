"""The balances the core bank tells: made up for every client and day by a fixed rule, and spoilt where that was ordered.

From the yearly average in euros: base = euros * 400 agorot (4.00 ILS a euro). `_chance(text)` is the first 8 bytes of the
text's SHA-256. With drift = chance("n:YYYY-MM") mod 2001 and noise = chance("n:YYYY-MM-DD") mod 1201 - 600 the amount is
floor(base * (9000 + drift) / 10000) + floor(|base| * noise / 10000). Whole numbers only, so any language gets the same.

Who has chance("n:account") mod 10 = 0 has a savings account as well, and both are told with their names: floor(|base| / 4) + 100000
agorot, a hundredth more for each month since January 2020. Everybody else has one account, which is told without a name.
"""

import csv
import gzip
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

CLIENTS = Path(__file__).parent / "data" / "bank-marketing.csv.gz"
AGOROT_A_EURO = 400
TOO_LOW = 2_000_000  # agorot that an amount lacks until it is corrected
NO_NUMBER = "see branch"
UNKNOWN_FROM, UNKNOWN_BASE = 900_000_000, 5_000_000
DAY = timedelta(days=1)
Every = Annotated[int, Field(ge=0, le=UNKNOWN_FROM)]
SAVINGS_EVERY = 10  # clients, by chance
SAVED = 100_000  # agorot that every savings account holds at least
Record = dict[str, str | int]


class BankFaults(BaseModel):
    """How the core bank behaves; `every_...` strikes clients whose number it divides, every day; 0 nobody.

    `demonstration` are the faults of October 2026, there unless switched off. `corrected_every`: the amount comes
    20,000.00 too low, and once more, right, with the next day. `pages` strikes the second page of a day: `repeated`
    answers the first one once more, and goes on when asked again; `skipped` leaves it out. `other_day` answers with
    the day before the one asked for, `no_json` with a page for people. `opened_every` came to the bank on `opened_on`: nothing is
    told of the days before it. `restrictions` may be empty, or name a flag nobody knows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    demonstration: bool = True
    down: bool = False
    delay_ms: float = Field(default=0, ge=0, le=600_000)
    omitted_days: frozenset[date] = frozenset()
    wrong_format_every: Every = 0
    wrong_currency_every: Every = 0
    duplicate_every: Every = 0
    corrected_every: Every = 0
    opened_every: Every = 0
    opened_on: date | None = None
    unknown_customers: int = Field(default=0, ge=0, le=100_000)
    restrictions: Literal["ok", "none", "unknown_flag"] = "ok"
    pages: Literal["ok", "no_json", "other_day", "repeated", "skipped"] = "ok"


@dataclass(frozen=True, slots=True)
class Day:
    """What strikes whom on one day, as numbers that divide those of the clients; worked out once a page."""

    missing: tuple[int, ...]
    twice: tuple[int, ...]
    low: tuple[int, ...]
    text: tuple[int, ...]
    dollars: tuple[int, ...]
    date: str
    month: str
    stamp: str

    @classmethod
    def of(cls, day: date, faults: BankFaults) -> "Day":
        """The day, as told to behave."""
        shown = day.day if faults.demonstration and (day.year, day.month) == (2026, 10) else 0
        return cls(
            missing=_demonstrated(shown, {17: 101}),
            twice=_demonstrated(shown, {9: 131, 18: 101}, faults.duplicate_every),
            low=_demonstrated(shown, {12: 151}, faults.corrected_every),
            text=_demonstrated(shown, {20: 251}, faults.wrong_format_every),
            dollars=_demonstrated(0, {}, faults.wrong_currency_every),
            date=day.isoformat(),
            month=day.isoformat()[:7],
            stamp=day.isoformat().replace("-", ""),
        )

    def record(self, number: int, base: int, *, version: int = 1) -> Record:
        """The record of a client; a second version is right, whatever the first one was."""
        agorot = amount(number, base, self.month, self.date)
        is_first = version == 1
        if is_first and _struck(number, self.low):
            agorot -= TOO_LOW
        named: Record = {"account": f"{number}-1", "account_type": "current"} if saves(number) else {}
        return {
            "record": f"{self.stamp}-{number}-{version}",
            "external_id": str(number),
            "date": self.date,
            "amount": NO_NUMBER if is_first and _struck(number, self.text) else _said(agorot),
            "currency": "USD" if _struck(number, self.dollars) else "ILS",
            "version": version,
            **named,
        }

    def savings(self, number: int, base: int) -> Record:
        """The record of a client's savings account, which nothing strikes."""
        return {
            "record": f"{self.stamp}-{number}-s",
            "external_id": str(number),
            "date": self.date,
            "amount": _said(saved(base, self.month)),
            "currency": "ILS",
            "version": 1,
            "account": f"{number}-2",
            "account_type": "savings",
        }


def _said(agorot: int) -> str:
    whole, rest = divmod(abs(agorot), 100)
    return f"{'-' if agorot < 0 else ''}{whole}.{rest:02}"


def _demonstrated(shown: int, divisors: dict[int, int], ordered: int = 0) -> tuple[int, ...]:
    return tuple(filter(None, (divisors.get(shown), ordered)))


def _struck(number: int, divisors: tuple[int, ...]) -> bool:
    return bool(divisors) and any(number % divisor == 0 for divisor in divisors)


class Balances:
    """All clients that have a balance, read once: twelve bytes each."""

    def __init__(self) -> None:
        self.numbers, self._bases = array("l"), array("q")
        with gzip.open(CLIENTS, "rt", encoding="utf-8", newline="") as file:
            rows = csv.reader(file, delimiter=";")
            head = next(rows)
            number, balance = head.index("client_id"), head.index("balance")
            for row in rows:
                if row[balance]:
                    self.numbers.append(int(row[number]))
                    self._bases.append(int(row[balance]) * AGOROT_A_EURO)

    def position(self, after: int) -> int:
        """How many clients stand up to a number."""
        return bisect_right(self.numbers, after)

    def page(self, day: date, after: int, limit: int, faults: BankFaults) -> tuple[list[Record], str | None]:
        """The records of the clients after a number, and the number to go on from, None at the end.

        At most `limit` records, but all of one client together: he is never parted between two pages.
        """
        items: list[Record] = []
        if day in faults.omitted_days:
            return items, None
        today = Day.of(day, faults)
        is_followed = day > date.min and day - DAY not in faults.omitted_days
        before = Day.of(day - DAY, faults) if is_followed else None
        last = after
        for number, base in self._after(after, faults):
            came = faults.opened_on if faults.opened_every and number % faults.opened_every == 0 else None
            if came and day < came:
                continue
            records = _records(number, base, today, before)
            records = [{**one, "opened_on": came.isoformat()} for one in records] if came else records
            if items and len(items) + len(records) > limit:
                return items, str(last)
            items += records
            last = number
        return items, None

    def _after(self, after: int, faults: BankFaults) -> Iterator[tuple[int, int]]:
        start = self.position(after)
        yield from zip(islice(self.numbers, start, None), islice(self._bases, start, None), strict=True)
        first = UNKNOWN_FROM + 1
        for number in range(max(first, after + 1), first + faults.unknown_customers):
            yield number, UNKNOWN_BASE


def amount(number: int, base: int, month: str, day: str) -> int:
    """The balance of a client at the close of a day (YYYY-MM, YYYY-MM-DD), in agorot."""
    drift = _chance(f"{number}:{month}") % 2001
    noise = _chance(f"{number}:{day}") % 1201 - 600
    return base * (9000 + drift) // 10000 + abs(base) * noise // 10000


def saves(number: int) -> bool:
    """True if a client has a savings account."""
    return _chance(f"{number}:account") % SAVINGS_EVERY == 0


def saved(base: int, month: str) -> int:
    """What a savings account holds in a month (YYYY-MM), in agorot."""
    year, number = (int(part) for part in month.split("-"))
    held = abs(base) // 4 + SAVED
    return held + held * ((year - 2020) * 12 + number - 1) // 100


def _chance(text: str) -> int:
    return int.from_bytes(sha256(text.encode("ascii")).digest()[:8], "big")


def _records(number: int, base: int, today: Day, before: Day | None) -> list[Record]:
    """What comes with a day for one client: the correction of the day before, then the day's own record."""
    records = [before.record(number, base, version=2)] if before and _struck(number, before.low) else []
    if not _struck(number, today.missing):
        records += [today.record(number, base)] * (2 if _struck(number, today.twice) else 1)
    return [*records, today.savings(number, base)] if saves(number) else records
