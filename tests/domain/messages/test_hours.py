"""Marketing goes to a person in the allowed hours by the clock where he is; what is not allowed yet waits for his morning."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.nouns import every
from app.core.sql import load
from app.domain.access.models import Organisation
from app.domain.approvals import settings
from app.domain.calendar import hours as calendar
from app.domain.contacts import profile, zones
from app.domain.contacts.models import Contact
from app.domain.contacts.profile import ContactsChanged
from app.domain.messages import claiming, listing, sends
from app.domain.messages.hours import Hours, hours_of
from app.domain.messages.models import Message, Send
from app.domain.outbox.relay import relay_one
from tests.domain.messages.line import Line, Run, states
from tests.factories import people, sending

ZONES = ("Asia/Tokyo", "America/New_York", "Pacific/Honolulu", "Europe/London", None)
WEEK = {"week": {str(day): {"opens": "08:00", "closes": "20:00"} for day in range(7)}, "holidays": ""}
MORNING = datetime(2026, 11, 25, 7, 30, tzinfo=UTC)  # half past nine in Jerusalem, half past four in Tokyo's afternoon


@pytest.fixture(autouse=True)
def _by_day(session: Session, organisation: Organisation) -> None:
    """From eight to eight, every day."""
    calendar.keep(session, calendar.CalendarInput.model_validate(WEEK), by=system(organisation.id))
    sending.account(session)


def somebody(session: Session, *places: str | None) -> list[UUID]:
    """One person in each zone."""
    return [people.contacts(session, 1, start=n, timezone=zone)[0] for n, zone in enumerate(places)]


def sent(session: Session, kind: str = "campaign", body: str = "Hello", **given: str) -> Send:
    return sending.send_to_everybody(session, sending.sms_template(session, body, **given), uuid4(), kind)


def took(session: Session) -> set[str | None]:
    """The zones of those whose message was handed over."""
    session.expire_all()
    query = select(Contact.timezone).join(Message, Message.contact_id == Contact.id)
    return set(session.execute(query.where(Message.state == "sent")).scalars())


def test_each_is_written_to_by_his_own_clock(session: Session, run: Run) -> None:
    somebody(session, *ZONES)
    with clock.at(MORNING):
        sent(session)
        run(Line())
        assert took(session) == {"Asia/Tokyo", None}
    with clock.at(MORNING + timedelta(hours=1)):
        run(Line())
        assert took(session) == {"Asia/Tokyo", None, "Europe/London"}
    with clock.at(MORNING + timedelta(hours=11)):  # half past eight here: closed
        run(Line())
        assert took(session) == {*ZONES}


def test_what_sleeps_waits_for_its_morning_and_for_nothing_else(session: Session, run: Run) -> None:
    _, london = somebody(session, "Asia/Tokyo", "Europe/London")
    with clock.at(MORNING):
        sent(session)
        run(Line())
        assert not sends.is_due(session, "sms"), "nothing is left that could go"
        waits = session.execute(select(Message).where(Message.contact_id == london)).scalar_one()
        assert (waits.state, waits.attempts, waits.lease_token) == ("queued", 0, None)
        assert waits.due_at == datetime(2026, 11, 25, 8, tzinfo=UTC)
    with clock.at(waits.due_at):
        assert sends.is_due(session, "sms")


def test_service_and_tests_of_texts_go_at_any_hour(session: Session, run: Run) -> None:
    somebody(session, *ZONES)
    with clock.at(MORNING):
        sent(session, message_class="service")
        sent(session, kind="test")
        run(Line())
    assert states(session) == {"sent": 2 * len(ZONES)}


def seven_who_sleep(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before one who is awake, where two are looked at at once."""
    monkeypatch.setattr(claiming, "CLAIM", 2)
    sleep = people.contacts(session, 7, timezone="America/New_York")
    people.contacts(session, 1, start=7, timezone="Asia/Tokyo")
    sent(session, body="Sleep well")
    earlier = update(Message).where(Message.contact_id.in_(sleep))
    session.execute(earlier.values(due_at=clock.now() - timedelta(minutes=1)))


def test_people_who_sleep_hold_nobody_up_who_is_awake(
    session: Session, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clock.at(MORNING):
        seven_who_sleep(session, monkeypatch)
        run(Line())
    assert took(session) == {"Asia/Tokyo"}


def test_whoever_sleeps_for_long_lets_other_sends_have_their_turn(
    session: Session, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "BATCHES", 2)
    with clock.at(MORNING):
        seven_who_sleep(session, monkeypatch)
        sent(session, body="Your card", message_class="service")
        line = Line()
        run(line)
    assert line.taken[0].text == "Your card", "not the one who is awake behind those who sleep"
    assert states(session) == {"queued": 7, "sent": 9}


def claimed(session: Session, send: Send, hours: Hours | None, most: int) -> list[UUID]:
    """Whose messages a claim of `most` leased."""
    rows = session.execute(load("messages/queries.sql")["claim"], claiming.claim(send, hours, uuid4(), most))
    return [row.contact_id for row in rows if not row.is_early]


def wait_since(session: Session, contacts: list[UUID]) -> None:
    """Their messages wait, the later in the list the longer."""
    for minutes, contact in enumerate(contacts):
        mine = update(Message).where(Message.contact_id == contact)
        session.execute(mine.values(due_at=clock.now() - timedelta(minutes=minutes)))


def test_whoever_waits_longest_is_claimed_first(session: Session) -> None:
    everybody = somebody(session, *["America/New_York", "Asia/Tokyo"] * 20)
    with clock.at(MORNING):
        send, hours = sent(session), hours_of(session)
        wait_since(session, everybody)
        assert set(claimed(session, send, hours, 5)) == set(everybody[1::2][-5:])


@pytest.mark.parametrize("keeps", [True, False])
def test_no_more_is_looked_at_than_may_be_given_where_nobody_sleeps(session: Session, keeps: bool) -> None:
    home = somebody(session, None, "Europe/London", None)
    with clock.at(MORNING + timedelta(hours=1)):
        send, hours = sent(session), hours_of(session) if keeps else None
        wait_since(session, home)
        assert claiming.claim(send, hours, uuid4(), 1)["look"] == 1
        assert claimed(session, send, hours, 1) == [home[-1]]
    with clock.at(MORNING):
        assert (claiming.claim(send, hours, uuid4(), 1)["look"] == 1) is not keeps, "in London they sleep"


def test_a_retry_that_is_moved_keeps_its_time_to_go_out(session: Session) -> None:
    somebody(session, "Asia/Tokyo", "America/New_York")
    with clock.at(MORNING):
        send = sent(session)
        send.retry_until = clock.now() + timedelta(hours=1)
        session.flush()
        session.execute(update(Message).values(retries=1))
        claimed = session.execute(
            load("messages/queries.sql")["claim"], claiming.claim(send, hours_of(session), uuid4(), 9)
        )
        assert sorted(row.is_early for row in claimed) == [False, True]
    session.expire_all()
    assert send.retry_until == datetime(2026, 11, 25, 13, tzinfo=UTC) + timedelta(hours=24)


def tell_everybody(session: Session) -> None:
    @contextmanager
    def open_unit() -> Iterator[Session]:
        yield session
        session.flush()

    while relay_one(open_unit, {consumer.name: consumer for consumer in every(lambda noun: noun.hears)}):
        pass


def test_what_was_moved_goes_out_at_once_when_the_allowed_hours_become_longer(session: Session, run: Run) -> None:
    fresh, retried = somebody(session, "Europe/London", "Europe/London")
    with clock.at(MORNING):
        sent(session)
        session.execute(update(Message).where(Message.contact_id == retried).values(retries=1))
        run(Line())
        assert states(session) == {"queued": 2}
        longer = {**WEEK, "week": {str(day): {"opens": "06:00", "closes": "20:00"} for day in range(7)}}
        asked = settings.propose_calendar(
            session, calendar.CalendarInput.model_validate(longer), by=people.staff(session, "owner", "olivia")
        )
        assert asked
        settings.carry_out_calendar(session, asked.id, by=people.staff(session, "owner", "oscar"))
        tell_everybody(session)
        assert sends.is_due(session, "sms")
        run(Line())
    session.expire_all()
    found = dict(session.execute(select(Message.contact_id, Message.state)).all())
    assert found == {fresh: "sent", retried: "queued"}, "a retry has a time of its own"


def test_whose_zone_is_corrected_is_written_to_by_the_new_one_at_once(session: Session, run: Run) -> None:
    wrong, right = somebody(session, "Europe/London", "Europe/London")
    with clock.at(MORNING):
        sent(session)
        run(Line())
        assert states(session) == {"queued": 2}
        by = people.staff(session, "marketer")
        kept = profile.input_of(session, profile.get(session, wrong, by=by))
        profile.update(session, wrong, kept.model_copy(update={"timezone": "Asia/Tokyo"}), by=by)
        tell_everybody(session)
        run(Line())
    session.expire_all()
    found = dict(session.execute(select(Message.contact_id, Message.state)).all())
    assert found == {wrong: "sent", right: "queued"}


def test_a_bank_that_moves_to_another_zone_writes_by_its_new_clock(session: Session, run: Run) -> None:
    somebody(session, None)
    with clock.at(MORNING - timedelta(hours=4)):  # half past five in Jerusalem, half past twelve in Tokyo
        sent(session)
        run(Line())
        assert states(session) == {"queued": 1}
        moved = settings.organisation(session).model_copy(update={"timezone": "Asia/Tokyo"})
        asked = settings.propose_organisation(session, moved, by=people.staff(session, "owner", "olivia"))
        assert asked
        settings.carry_out_organisation(session, asked.id, by=people.staff(session, "owner", "oscar"))
        tell_everybody(session)
        run(Line())
        assert states(session) == {"sent": 1}


@pytest.mark.parametrize(("happened", "is_looked_at"), [({"fields": ("city",)}, False), ({}, True)])
def test_an_import_may_have_brought_zones_and_a_change_of_something_else_has_not(
    session: Session, run: Run, happened: dict[str, tuple[str, ...]], is_looked_at: bool
) -> None:
    somebody(session, "Europe/London")
    with clock.at(MORNING):
        opened = sent(session)
        run(Line())
        sends.on_contacts_changed(session, ContactsChanged(subject=opened.organisation_id, **happened))
        session.expire_all()
        due = session.execute(select(Message.due_at)).scalar_one()
        assert (due <= MORNING) is is_looked_at


def test_what_keeps_no_hours_or_is_over_is_left_alone_when_the_hours_change(session: Session) -> None:
    somebody(session, "Europe/London")
    with clock.at(MORNING):
        stopped = sent(session)
        sends.stop(session, stopped.source_kind, stopped.source_id)
        sent(session, message_class="service")
        sent(session, kind="test")
        later = clock.now() + timedelta(hours=1)
        session.execute(update(Message).values(due_at=later))
        sends.on_hours_changed(session, calendar.HoursChanged(subject=stopped.organisation_id))
    session.expire_all()
    assert set(session.execute(select(Message.due_at)).scalars()) == {later}


def test_a_zone_that_somebody_has_only_just_come_into_is_looked_at_again_in_a_minute(session: Session) -> None:
    somebody(session, "Asia/Tokyo")
    with clock.at(MORNING):
        send, known = sent(session), hours_of(session)
        session.execute(update(Contact).values(timezone="Asia/Seoul"))
        [row] = session.execute(load("messages/queries.sql")["claim"], claiming.claim(send, known, uuid4(), 9))
        assert (row.is_early, row.due_at) == (True, MORNING + timedelta(minutes=1))


def test_a_message_says_what_it_waits_for(session: Session) -> None:
    tokyo, _, home = somebody(session, "Asia/Tokyo", "Europe/London", None)
    by = people.staff(session, "operator")
    with clock.at(datetime(2026, 11, 25, 13, 40, tzinfo=UTC)):  # 22:40 in Tokyo
        sent(session)
        ids = dict(session.execute(select(Message.contact_id, Message.id)).all())
        waits = listing.evidence(session, ids[tokyo], by=by).waits
        assert waits
        assert (waits.zone, waits.now.isoformat()[:16]) == ("Asia/Tokyo", "2026-11-25T22:40")
        assert waits.until.isoformat()[:16] == "2026-11-26T08:00"
        assert listing.evidence(session, ids[home], by=by).waits is None, "it may go"


def test_a_campaign_may_begin_as_soon_as_anybody_may_be_written_to(session: Session) -> None:
    night = datetime(2026, 11, 26, 2, tzinfo=UTC)  # four in the morning here, eleven in Tokyo
    assert hours_of(session).first(night) == datetime(2026, 11, 26, 6, tzinfo=UTC)
    somebody(session, "Asia/Tokyo", "America/New_York")
    hours = hours_of(session)
    assert (hours.first(night), hours.is_open(night)) == (night, True)
    assert hours.last(night) == datetime(2026, 11, 26, 13, tzinfo=UTC), "in New York"


def test_the_zones_are_found_by_the_index_whatever_the_number_of_people(session: Session) -> None:
    somebody(session, "Europe/London", None)
    people.contacts(session, 3000, start=2, timezone="Asia/Tokyo")
    assert zones.zones(session) == ["Asia/Tokyo", "Europe/London"]
    plan = "\n".join(session.execute(text(f"EXPLAIN ANALYZE {load('contacts/queries.sql')['zones'].text}")).scalars())
    assert "Seq Scan" not in plan, plan
    assert plan.count("ix_contacts_zones") == 2, plan


@pytest.mark.parametrize("seed", range(6))
def test_no_marketing_is_ever_claimed_outside_the_hours_of_its_person(session: Session, seed: int) -> None:
    """People of many zones, a clock that jumps over nights and changes of the clock: whatever is leased is awake."""
    chance = Random(seed)
    places = (
        "Asia/Tokyo",
        "Asia/Kolkata",
        "America/New_York",
        "Pacific/Chatham",
        "Europe/London",
        "Africa/Cairo",
        None,
    )
    for n in range(40):
        people.contacts(session, 1, start=n, timezone=chance.choice(places))
    home = ZoneInfo("Asia/Jerusalem")
    now, leased = datetime(2026, chance.choice((3, 10, 11)), 1, 3, 17, tzinfo=UTC), 0
    for _ in range(30):
        now += timedelta(minutes=chance.randint(5, 600))
        with clock.at(now):
            if chance.random() < 0.4 or not leased:
                send = sent(session)
            claim = claiming.claim(send, hours_of(session), uuid4(), chance.choice((1, 7, 1000)))
            rows = session.execute(load("messages/queries.sql")["claim"], claim).all()
            awake = {row.contact_id for row in rows if not row.is_early}
            leased += len(awake)
            for contact in session.execute(select(Contact).where(Contact.id.in_(awake))).scalars():
                there = now.astimezone(ZoneInfo(contact.timezone) if contact.timezone else home)
                assert 8 <= there.hour < 20, (contact.timezone, there)
            for row in rows:
                if row.is_early:
                    assert row.due_at > now
    assert leased > 40
