"""What a core bank is asked, whoever answers: the balances of a day, who is restricted; a page of customers at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self


class Unavailable(Exception):
    """It does not answer now: ask again later."""


class Broken(Exception):
    """It answers something that is no answer: a person has to look."""


@dataclass(frozen=True)
class Record:
    """One record as it was said; amount and days are text, because only the domain judges them.

    Without an `account` it is of all a customer has. Where it tells, `opened_on` is the day the account was opened, or the customer
    came to the bank, and `closed_on` the last day of the account.
    """

    record: str
    external_id: str
    date: str
    amount: str
    currency: str
    version: int
    opened_on: str | None = None
    account: str = ""
    account_type: str = ""
    closed_on: str | None = None


@dataclass(frozen=True)
class Page:
    """Some records and where to go on; `next` is None at the end of the day."""

    items: Sequence[Record]
    next: str | None


class BalanceFeed(Protocol):
    """A way to the balances of a day, opened for one run."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def day(self, date: str, after: str, limit: int) -> Page:
        """The records of a day (ISO) after a customer. Raises Unavailable, Broken."""
        ...


@dataclass(frozen=True)
class RestrictionRecord:
    """One flag of a customer as it was said; flag and `since` are text, because only the domain judges them."""

    external_id: str
    flag: str
    since: str | None


@dataclass(frozen=True)
class RestrictionPage:
    """Some flags and where to go on; `next` is None at the end."""

    items: Sequence[RestrictionRecord]
    next: str | None


class CoreBank(BalanceFeed, Protocol):
    """Everything a core bank is asked."""

    async def restrictions(self, after: str, limit: int) -> RestrictionPage:
        """The flags of all customers who have any, after a customer. Raises Unavailable, Broken."""
        ...
