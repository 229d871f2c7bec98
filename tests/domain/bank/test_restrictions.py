"""The feed of restrictions: the whole of it is taken, resumes, lifts what it does not speak of, and is asked every morning."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Forbidden
from app.core.unit import unit_of_work
from app.domain.access.models import Organisation
from app.domain.bank import restrictions as feed
from app.domain.consent import restrictions
from app.domain.consent.models import ContactRestriction, RestrictionFeed
from app.domain.contacts.models import Contact
from app.domain.messages.claiming import OpenUnit
from app.gateways.corebank.base import RestrictionRecord, Unavailable
from app.gateways.corebank.memory import Memory
from tests.factories import people, sending

MORNING = datetime(2026, 11, 28, 5, tzinfo=UTC)  # seven in Jerusalem
Take = Callable[..., RestrictionFeed]


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    with clock.at(MORNING):
        yield


@pytest.fixture
def officer(session: Session, organisation: Organisation) -> Actor:
    people.contacts(session, 5)
    return people.staff(session, "bank_officer")


@pytest.fixture
def unit(factory: sessionmaker[Session], organisation: Organisation) -> OpenUnit:
    return sending.alone(partial(unit_of_work, factory, system(organisation.id)))


@pytest.fixture
def take(session: Session, unit: OpenUnit, officer: Actor) -> Take:
    """Ask for a feed and take it."""

    def go(bank: Memory, *, ask: bool = True, accepts_fewer: bool = False) -> RestrictionFeed:
        if ask:
            feed.ask(session, accepts_fewer=accepts_fewer, by=officer)
        session.commit()
        feed.take(unit, lambda: bank)
        session.expire_all()
        row = feed.state(session, by=officer)
        assert row
        return row

    return go


def said(*pairs: tuple[str, str]) -> list[RestrictionRecord]:
    return [RestrictionRecord(customer, flag, "2026-01-02") for customer, flag in pairs]


def bank(flags: Sequence[RestrictionRecord]) -> Memory:
    return Memory({}, flags)


def known(session: Session) -> set[tuple[str | None, str]]:
    query = select(Contact.external_id, ContactRestriction.flag).join(
        ContactRestriction, ContactRestriction.contact_id == Contact.id
    )
    return {(row[0], row[1]) for row in session.execute(query)}


def test_a_feed_is_kept_whole(session: Session, take: Take) -> None:
    row = take(bank(said(("1", "deceased"), ("1", "fraud"), ("3", "employee"), ("77", "minor"))))
    assert (row.state, row.records, row.unknown, row.fed_at, row.failure) == ("taken", 4, 1, MORNING, None)
    assert known(session) == {("1", "deceased"), ("1", "fraud"), ("3", "employee")}
    first = session.execute(select(ContactRestriction)).scalars().first()
    assert first
    assert (str(first.since), first.fed_at) == ("2026-01-02", MORNING)


def test_the_next_one_lifts_what_it_does_not_speak_of(session: Session, take: Take) -> None:
    take(bank(said(("1", "deceased"), ("2", "minor"))))
    with clock.at(MORNING + timedelta(days=1)):
        row = take(bank(said(("1", "deceased"), ("3", "minor"))))
    assert row.fed_at == MORNING + timedelta(days=1)
    assert known(session) == {("1", "deceased"), ("3", "minor")}


def test_the_same_feed_again_changes_nothing(session: Session, take: Take) -> None:
    for _ in range(2):
        take(bank(said(("1", "deceased"), ("2", "minor"))))
    assert known(session) == {("1", "deceased"), ("2", "minor")}


def test_one_that_broke_off_goes_on_and_lifts_nothing_before_it_is_whole(
    session: Session, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "BATCH", 1)
    take(bank(said(("4", "minor"))))
    whole = bank(said(("1", "deceased"), ("2", "minor"), ("3", "employee")))
    whole.failing = [None, Unavailable("closed")]
    with clock.at(MORNING + timedelta(hours=1)):
        row = take(whole)
        assert (row.state, row.fed_at, row.failure) == ("queued", MORNING, "Unavailable: closed")
        assert known(session) == {("4", "minor"), ("1", "deceased")}, "what it said holds, nothing is lifted"
        assert not feed.is_due(session), "not at once"
    with clock.at(MORNING + timedelta(hours=1, minutes=1)):
        row = take(whole, ask=False)
    assert (row.state, row.fed_at) == ("taken", MORNING + timedelta(hours=1))
    assert whole.asked == [("restrictions", place) for place in ("", "1", "1", "2")]
    assert known(session) == {("1", "deceased"), ("2", "minor"), ("3", "employee")}


def test_a_bank_that_stays_away_is_asked_for_ever(session: Session, take: Take) -> None:
    away = bank([])
    away.failing = [Unavailable("closed")] * 30
    row, now = take(away), MORNING
    for _ in range(29):
        now = row.due_at
        with clock.at(now):
            row = take(away, ask=False)
    assert row.state == "queued"
    assert row.due_at - now == timedelta(hours=1)


def test_a_flag_nobody_knows_is_not_passed_over(session: Session, take: Take) -> None:
    row = take(bank(said(("1", "deceased"), ("2", "blacklisted"))))
    assert (row.state, row.fed_at) == ("queued", None)
    assert row.failure == "Broken: a flag that is not known: blacklisted"


def test_a_day_that_does_not_read_keeps_the_flag(session: Session, take: Take) -> None:
    take(bank([RestrictionRecord("1", "deceased", "long ago"), RestrictionRecord("2", "minor", None)]))
    assert known(session) == {("1", "deceased"), ("2", "minor")}


def test_a_feed_that_would_lift_most_of_all_waits_for_a_person(
    session: Session, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "FEW", 1)
    before = {(str(n), "minor") for n in range(5)}
    take(bank(said(*sorted(before))))
    with clock.at(MORNING + timedelta(hours=1)):
        row = take(bank([]))
        assert (row.state, row.fed_at, row.failure) == ("refused", MORNING, "5 of 5 flags would be lifted")
        assert known(session) == before
        row = take(bank([]), accepts_fewer=True)
    assert (row.state, row.fed_at) == ("taken", MORNING + timedelta(hours=1))
    assert known(session) == set()


def test_it_is_asked_every_morning_once_somebody_has_asked(session: Session, take: Take) -> None:
    feed.schedule(session)
    assert not feed.is_due(session), "nobody uses it yet"
    take(bank([]))
    for hours, is_due in ((1, False), (20, False), (21.9, False), (22, True)):
        with clock.at(MORNING + timedelta(hours=hours)):
            feed.schedule(session)
            assert feed.is_due(session) is is_due, hours
    with clock.at(MORNING + timedelta(hours=22)):
        row = take(bank([]), ask=False)
        feed.schedule(session)
        assert not feed.is_due(session)
    assert not restrictions.is_stale(row)


def test_two_at_once_take_it_once(session: Session, unit: OpenUnit, officer: Actor) -> None:
    feed.ask(session, by=officer)
    session.commit()
    whole = bank(said(("1", "minor")))
    feed.take(unit, lambda: whole)
    feed.take(unit, lambda: whole)
    assert len(whole.asked) == 1


def test_only_who_may_write_in_the_bank_asks(session: Session, officer: Actor) -> None:
    marketer = people.staff(session, "marketer")
    with pytest.raises(Forbidden):
        feed.ask(session, by=marketer)
    with pytest.raises(Forbidden):
        feed.state(session, by=people.staff(session, "viewer"))
