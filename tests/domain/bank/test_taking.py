"""Balances come batch by batch: nothing is guessed, nothing is lost when the bank is away, and taken again it is the same."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.sql import load
from app.domain.access.models import Organisation
from app.domain.bank import balances
from app.domain.bank.models import Balance, BalanceDay, BalanceIssue
from app.gateways.corebank.base import Page
from tests.domain.bank.conftest import Take
from tests.domain.bank.feed import Feed, down, october, record
from tests.factories import people

DAY = date(2026, 10, 9)
GOOD = "15000.00"


def of_day(session: Session) -> BalanceDay:
    return session.execute(select(BalanceDay).where(BalanceDay.day == DAY)).scalar_one()


def kinds(session: Session) -> list[str]:
    query = select(BalanceIssue.kind).where(BalanceIssue.kind != "missing").order_by(BalanceIssue.kind)
    return list(session.execute(query).scalars())


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (record("0", "2026-10-09", "15,000.00"), "bad_format"),
        (record("0", "2026-10-09", "NaN"), "bad_format"),
        (record("0", "2026-10-09", "1.005"), "bad_format"),
        (record("0", "2026-10-09", GOOD, currency="USD"), "wrong_currency"),
        (record("0", "2026-10-10", GOOD), "wrong_day"),
        (record("0", "2026-02-30", GOOD), "wrong_day"),
        (record("0", "1999-12-31", GOOD), "wrong_day"),
        (record("77", "2026-10-09", GOOD), "unknown_customer"),
    ],
    ids=lambda one: one if isinstance(one, str) else f"{one.date} {one.amount} {one.currency}",
)
def test_what_cannot_be_kept_is_noted_and_the_others_are_kept(
    session: Session, take: Take, wrong: object, kind: str
) -> None:
    people.contacts(session, 2)
    take(Feed({"2026-10-09": [wrong, record("1", "2026-10-09", GOOD)]}), DAY, DAY)  # type: ignore[list-item]
    assert kinds(session) == [kind]
    assert session.execute(select(Balance.amount)).scalars().all() == [Decimal(GOOD)]
    day = of_day(session)
    assert (day.state, day.records, day.kept, day.issues) == ("taken", 2, 1, 1)


def test_two_that_contradict_each_other_are_both_put_aside(session: Session, take: Take) -> None:
    people.contacts(session, 1)
    both = [record("0", "2026-10-09", GOOD, name="a"), record("0", "2026-10-09", "14000.00", name="b")]
    take(Feed({"2026-10-09": both}), DAY, DAY)
    assert kinds(session) == ["conflict", "conflict"]
    assert session.execute(select(Balance)).first() is None


def test_taken_again_it_is_the_same_and_still_says_what_was_wrong(session: Session, take: Take) -> None:
    people.contacts(session, 1)
    feed = Feed({"2026-10-09": [record("0", "2026-10-09", GOOD), record("0", "2026-10-09", GOOD)]})
    for _ in range(2):
        take(feed, DAY, DAY)
        day = of_day(session)
        assert (day.state, day.records, day.issues) == ("taken", 2, 1)
        assert len(session.execute(select(Balance)).all()) == 1


def test_a_correction_is_a_version_more_and_the_first_one_stays(session: Session, take: Take) -> None:
    people.contacts(session, 1)
    feed = october({"0": ["14000.00"] * 31})
    feed.records["2026-10-10"].append(record("0", "2026-10-09", GOOD, version=2))
    take(feed, DAY, date(2026, 10, 10))
    query = (
        select(Balance.version, Balance.amount, Balance.is_current).where(Balance.day == DAY).order_by(Balance.version)
    )
    assert session.execute(query).all() == [(1, Decimal("14000.00"), False), (2, Decimal(GOOD), True)]


def test_when_the_bank_is_away_it_goes_on_where_it_stood(
    session: Session, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.contacts(session, 5)
    monkeypatch.setattr(balances, "BATCH", 2)
    feed = october({str(n): [GOOD] * 31 for n in range(5)})
    feed.trouble = lambda _day, after: down(_day, after) if after else None
    take(feed, DAY, DAY)
    day = of_day(session)
    assert (day.state, day.after, day.kept) == ("queued", "1", 2)
    assert day.failure == "Unavailable: no connection"
    feed.trouble = lambda _day, _after: None
    with clock.at(clock.now() + timedelta(hours=2)):
        take(feed, DAY, DAY)
    day = of_day(session)
    assert (day.state, day.kept, day.failure) == ("taken", 5, None)
    assert [after for _, after in feed.asked] == ["", "1", "1", "3"]


def test_a_bank_that_goes_round_in_a_circle_is_not_asked_for_ever(session: Session, take: Take) -> None:
    class Circle(Feed):
        async def day(self, date: str, after: str, limit: int) -> Page:
            self.asked.append((date, after))
            return Page([], {"": "1", "1": "2", "2": "1"}[after])

    feed = Circle({})
    take(feed, DAY, DAY)
    assert len(feed.asked) == 3
    assert of_day(session).failure == "Broken: the same page again"


def test_who_was_overtaken_writes_nothing(session: Session, take: Take) -> None:
    """A worker slept on its page, and another has gone on with the day."""
    people.contacts(session, 2)

    class Overtaken(Feed):
        async def day(self, date: str, after: str, limit: int) -> Page:
            session.execute(BalanceDay.__table__.update().values(after="9"))
            session.commit()
            return await super().day(date, after, limit)

    take(Overtaken({"2026-10-09": [record("0", "2026-10-09", GOOD)]}), DAY, DAY)
    assert session.execute(select(Balance)).first() is None
    assert of_day(session).state == "running"


def test_a_day_is_asked_for_when_the_bank_has_closed(
    session: Session, organisation: Organisation, officer: Actor
) -> None:
    with clock.at(datetime(2026, 11, 28, 19, 59, tzinfo=UTC)), pytest.raises(Invalid):  # 21:59 in Jerusalem
        balances.ask(session, date(2026, 11, 28), date(2026, 11, 28), by=officer)
    with clock.at(datetime(2026, 11, 28, 20, 1, tzinfo=UTC)):
        balances.ask(session, date(2026, 11, 28), date(2026, 11, 28), by=officer)


def test_a_bank_that_stays_away_is_given_up_with_its_reason(session: Session, take: Take) -> None:
    people.contacts(session, 1)
    feed = Feed({}, down)
    for hours in range(0, 2 * balances.TRIES, 2):
        with clock.at(clock.now() + timedelta(hours=hours)):
            take(feed, DAY, DAY)
    day = of_day(session)
    assert (day.state, day.tries) == ("failed", balances.TRIES)


def test_a_day_younger_than_the_statistics_is_looked_up_customer_by_customer(
    session: Session, organisation: Organisation, take: Take
) -> None:
    """What is planned for a day that statistics do not know must not compare every customer with every balance."""
    people.contacts(session, 300)
    take(
        Feed({"2026-10-01": [record(str(n), "2026-10-01", GOOD) for n in range(300)]}),
        date(2026, 10, 1),
        date(2026, 10, 1),
    )
    session.execute(text("ANALYZE balances"))
    take(
        Feed({"2026-10-02": [record(str(n), "2026-10-02", GOOD) for n in range(300)]}),
        date(2026, 10, 2),
        date(2026, 10, 2),
    )
    given = {"organisation": organisation.id, "day": date(2026, 10, 2), "now": clock.now()}
    plan = session.execute(text("EXPLAIN " + str(load("bank/queries.sql")["note_missing"])), given).scalars().all()
    assert "Anti Join" not in "\n".join(plan)
