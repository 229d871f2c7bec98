"""A core bank in memory, and a month of balances made by hand."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from types import TracebackType
from typing import Self

from app.gateways.corebank.base import Page, Record, Unavailable


def record(customer: str, day: str, amount: str, version: int = 1, currency: str = "ILS", name: str = "") -> Record:
    """What a core bank says of one customer and day."""
    return Record(name or f"{customer}-{day}-{version}", customer, day, amount, currency, version)


class Feed:
    """Answers with what it was given, in pages; `trouble` may raise before a page of a day is given."""

    def __init__(
        self, records: Mapping[str, Iterable[Record]], trouble: Callable[[str, str], None] | None = None
    ) -> None:
        self.records = {day: list(rows) for day, rows in records.items()}
        self.trouble = trouble or (lambda _day, _after: None)
        self.asked: list[tuple[str, str]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def day(self, date: str, after: str, limit: int) -> Page:
        self.asked.append((date, after))
        self.trouble(date, after)
        rows = [row for row in self.records.get(date, []) if not after or int(row.external_id) > int(after)]
        rows.sort(key=lambda row: int(row.external_id))
        names = list(dict.fromkeys(row.external_id for row in rows))[:limit]
        shown = [row for row in rows if row.external_id in names]
        return Page(shown, names[-1] if len(shown) < len(rows) else None)


def october(amounts: Mapping[str, list[str | None]]) -> Feed:
    """Every customer's days of October 2026, None where there is no record."""
    days: dict[str, list[Record]] = {}
    for customer, month in amounts.items():
        for number, amount in enumerate(month, 1):
            if amount is not None:
                day = date(2026, 10, number).isoformat()
                days.setdefault(day, []).append(record(customer, day, amount))
    return Feed(days)


def down(_day: str, _after: str) -> None:
    raise Unavailable("no connection")
