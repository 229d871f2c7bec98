"""Several days of balances are asked for at once, as many as the organisation set: each whole, once, whatever breaks beside it."""

import asyncio
from collections.abc import Mapping
from datetime import date

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.domain.access.models import Organisation
from app.domain.bank import balances
from app.domain.bank.models import Balance, BalanceDay
from app.gateways.corebank.base import Page, Record
from tests.domain.bank.conftest import Take
from tests.domain.bank.feed import Feed, october
from tests.factories import people

DAYS = date(2026, 10, 1), date(2026, 10, 8)
BATCH = 2


class Slow(Feed):
    """A core bank that takes its time: how many of its days were under way at once, and at which page it breaks."""

    def __init__(self, records: Mapping[str, list[Record]], breaks_at: tuple[str, str] | None = None) -> None:
        super().__init__(records)
        self.breaks_at, self.under_way, self.most = breaks_at, 0, 0

    async def day(self, date: str, after: str, limit: int) -> Page:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.01)
        self.under_way -= 1
        if (date, after) == self.breaks_at:
            raise RuntimeError("the worker dies here")
        return await super().day(date, after, limit)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances, "BATCH", BATCH)


def at_once(session: Session, days: int) -> None:
    session.execute(update(Organisation).values(settings={"days_at_once": days}))


def taken(session: Session) -> dict[date, tuple[str, int]]:
    rows = session.execute(select(BalanceDay.day, BalanceDay.state, BalanceDay.kept)).all()
    return {day: (state, kept) for day, state, kept in rows}


@pytest.mark.parametrize("days", [1, 4])
def test_as_many_days_as_were_set_are_under_way_and_each_comes_whole(
    session: Session, organisation: Organisation, take: Take, days: int
) -> None:
    people.contacts(session, 5)
    at_once(session, days)
    feed = Slow(october({str(n): ["15000.00"] * 31 for n in range(5)}).records)
    take(feed, *DAYS)
    assert feed.most == days
    assert set(taken(session).values()) == {("taken", 5)}
    assert session.execute(select(func.count()).select_from(Balance)).scalar_one() == 5 * 8
    assert len(feed.asked) == len(set(feed.asked)) == 8 * 3, "no page of a day is asked for twice"


def test_when_the_worker_dies_all_days_go_on_where_they_stood(
    session: Session, organisation: Organisation, take: Take
) -> None:
    people.contacts(session, 5)
    at_once(session, 4)
    records = october({str(n): ["15000.00"] * 31 for n in range(5)}).records
    with pytest.raises(RuntimeError):
        take(Slow(records, breaks_at=("2026-10-03", "1")), *DAYS)
    session.rollback()
    assert "running" in {state for state, _ in taken(session).values()}
    kept = session.execute(select(func.count()).select_from(Balance)).scalar_one()
    assert 0 < kept < 5 * 8
    session.execute(update(BalanceDay).values(lease_until=None))  # it ends by itself after some minutes
    again = Slow(records)
    take(again, *DAYS)
    assert set(taken(session).values()) == {("taken", 5)}
    assert session.execute(select(func.count()).select_from(Balance)).scalar_one() == 5 * 8
    assert ("2026-10-03", "") not in again.asked, "the first page had been kept"
