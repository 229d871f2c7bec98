"""A core bank that keeps what it is given, for tests: it can be told to be away or to answer nonsense."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from app.gateways.corebank.base import Page, Record, RestrictionPage, RestrictionRecord


class Memory:
    """Tells the records of `days` (by ISO date), in their order; an error in `failing` is raised instead, one a call."""

    def __init__(self, days: Mapping[str, Sequence[Record]], flags: Sequence[RestrictionRecord] = ()) -> None:
        self.days = dict(days)
        self.flags = list(flags)
        self.failing: list[Exception | None] = []
        self.asked: list[tuple[str, str]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open."""

    async def day(self, date: str, after: str, limit: int) -> Page:
        """The records after those of a customer, all of one customer together. Raises: whatever `failing` says."""
        self.asked.append((date, after))
        if self.failing and (failure := self.failing.pop(0)):
            raise failure
        records = self.days.get(date, ())
        customers = list(dict.fromkeys(record.external_id for record in records))
        start = customers.index(after) + 1 if after else 0
        told = customers[start : start + limit]
        items = [record for record in records if record.external_id in set(told)]
        return Page(items, told[-1] if start + limit < len(customers) else None)

    async def restrictions(self, after: str, limit: int) -> RestrictionPage:
        """The flags after those of a customer. Raises: whatever `failing` says."""
        self.asked.append(("restrictions", after))
        if self.failing and (failure := self.failing.pop(0)):
            raise failure
        customers = list(dict.fromkeys(flag.external_id for flag in self.flags))
        start = customers.index(after) + 1 if after else 0
        told = customers[start : start + limit]
        items = [flag for flag in self.flags if flag.external_id in set(told)]
        return RestrictionPage(items, told[-1] if start + limit < len(customers) else None)
