"""The upkeep of every hour: each of its steps is really done, for every organisation."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, select, text, update
from sqlalchemy.orm import Session

from app.core import clock, nouns
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import actor_of, unit_of_work
from app.domain.access import idempotency, kept, users
from app.domain.access.models import IdempotencyKey, KeptForm
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.contacts import lines, profile
from app.domain.contacts.models import Contact, ContactAddress
from jobs import runtime, upkeep
from jobs.runtime import Runtime
from tests.factories import people


@pytest.fixture
def here(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """Two banks on a database of their own."""
    engine = make_engine(own_settings, pool_size=2)
    made = Runtime(own_settings, engine, session_factory(engine, own_settings))
    monkeypatch.setattr(upkeep, "runtime", lambda: made)
    monkeypatch.setattr(runtime.stopping, "is_set", lambda: False)
    for name in ("One", "Two"):
        with unit_of_work(made.factory, None) as session:
            users.create_organisation(session, users.NewOrganisation(name=name))
    yield made
    engine.dispose()


@pytest.fixture
def owner(own_settings: Settings) -> Iterator[Engine]:
    engine = create_engine(own_settings.database_owner_url or own_settings.database_url)
    yield engine
    engine.dispose()


def in_each(here: Runtime) -> Iterator[Session]:
    for organisation_id in here.organisations():
        with here.unit(organisation_id) as session:
            yield session


def test_the_partitions_of_the_next_three_months_are_there(here: Runtime, owner: Engine) -> None:
    names = "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY 1"
    with owner.begin() as connection:
        connection.execute(text("SET ROLE carillon_owner"))
        before = connection.execute(text(names)).scalars().all()
        last = connection.execute(
            text("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '3 months', '_YYYY_MM')")
        ).scalar_one()
        gone = [name for name in before if name.endswith(last)]
        assert {"messages" + last, "attempts" + last} <= set(gone)
        for name in gone:
            connection.execute(text(f'DROP TABLE "{name}"'))
    upkeep.run()
    with owner.connect() as connection:
        assert connection.execute(text(names)).scalars().all() == before


BEHAVIOUR = "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relname ~ '^(events|segment_moves)_' ORDER BY 1"


def months_of_behaviour(connection: Connection) -> set[str]:
    return set(connection.execute(text(BEHAVIOUR)).scalars())


@pytest.fixture
def long_ago(owner: Engine) -> tuple[set[str], set[str]]:
    """Months of two years ago, and the last one that is kept in part."""
    kept = clock.now() - timedelta(days=400)
    with owner.begin() as connection:
        connection.execute(text("SET ROLE carillon_owner"))
        before = months_of_behaviour(connection)
        for day in (kept - timedelta(days=330), kept - timedelta(days=31), kept):
            connection.execute(text("SELECT ensure_events(:day)"), {"day": day.date()})
        connection.execute(
            text("CREATE TABLE segment_moves_2020_01 PARTITION OF segment_moves"
                 " FOR VALUES FROM ('2020-01-01 00:00Z') TO ('2020-02-01 00:00Z')")
        )  # fmt: skip
        connection.execute(
            text("INSERT INTO segment_moves (organisation_id, at, segment_id, contact_id, entered, reason, version, change_id)"
                 " VALUES (uuidv7(), '2020-01-15Z', uuidv7(), uuidv7(), true, 'data', 1, uuidv7())")
        )  # fmt: skip
        old = months_of_behaviour(connection) - before - {f"events_{kept:%Y_%m}"}
        return old, before | {f"events_{kept:%Y_%m}"}


def test_what_people_did_long_ago_is_dropped_by_the_month(
    here: Runtime, owner: Engine, long_ago: tuple[set[str], set[str]]
) -> None:
    old, young = long_ago
    assert len(old) == 3
    upkeep.run()
    with owner.connect() as connection:
        assert months_of_behaviour(connection) == young
        assert connection.execute(text("SELECT count(*) FROM segment_moves")).scalar_one() == 0


def test_a_month_that_somebody_reads_is_dropped_the_next_time(
    here: Runtime, owner: Engine, long_ago: tuple[set[str], set[str]]
) -> None:
    old, young = long_ago
    with here.unit(here.organisations()[0]) as reading, owner.connect() as connection:
        reading.execute(text("SELECT count(*) FROM events"))
        upkeep.run()
        assert months_of_behaviour(connection) == young | old
    upkeep.run()
    with owner.connect() as connection:
        assert months_of_behaviour(connection) == young


def test_the_application_cannot_have_dropped_what_is_young(here: Runtime, owner: Engine) -> None:
    with here.unit(here.organisations()[0]) as session, owner.connect() as connection:
        before = months_of_behaviour(connection)
        assert session.execute(text("SELECT drop_behaviour(now() + interval '1 year')")).scalar_one() == 0
        assert months_of_behaviour(connection) == before


def test_whoever_was_deleted_a_month_ago_is_erased(here: Runtime) -> None:
    for session in in_each(here):
        old, young, _ = people.contacts(session, 3)
        for one, age in ((old, timedelta(days=30, minutes=1)), (young, timedelta(days=29))):
            with clock.at(clock.now() - age):
                profile.delete(session, one, by=actor_of(session))
    upkeep.run()
    for session in in_each(here):
        found = session.execute(select(Contact.status).order_by(Contact.id)).scalars().all()
        assert found == ["erased", "active", "active"]


def test_requests_nobody_decided_in_time_are_closed(here: Runtime) -> None:
    made = clock.now() - decisions.VALID_FOR
    for session in in_each(here):
        by = people.staff(session, "marketer")
        for moment in (made, made + timedelta(minutes=5)):
            with clock.at(moment):
                decisions.submit(session, ("thing", uuid4()), "A thing", digest=b"", summary={}, editors=[], by=by)
    upkeep.run()
    for session in in_each(here):
        assert session.execute(select(Approval.state).order_by(Approval.made_at)).scalars().all() == [
            "expired",
            "pending",
        ]


def test_answers_to_old_requests_are_forgotten(here: Runtime) -> None:
    for session in in_each(here):
        for key, age in (("old", timedelta(hours=72, minutes=1)), ("young", timedelta(hours=71))):
            with clock.at(clock.now() - age):
                idempotency.begin(session, uuid4(), "POST /contacts", key, b"")
    upkeep.run()
    for session in in_each(here):
        assert session.execute(select(IdempotencyKey.key)).scalars().all() == ["young"]


def test_forms_nobody_came_back_for_are_destroyed(here: Runtime) -> None:
    for session in in_each(here):
        user_id = people.staff(session, "marketer").id
        assert user_id
        for page, age in (("/old", timedelta(hours=24, minutes=1)), ("/young", timedelta(hours=23))):
            with clock.at(clock.now() - age):
                assert kept.keep(session, user_id, path="/contacts", page=page, fields=[("name", "Dana")])
    upkeep.run()
    for session in in_each(here):
        assert session.execute(select(KeptForm.page)).scalars().all() == ["/young"]


def test_every_phone_is_asked_however_many_there_are(here: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "AT_ONCE", 3)
    for session in in_each(here):
        people.contacts(session, 8)
        session.execute(update(ContactAddress).values(takes_sms=None))
    upkeep.run()
    for session in in_each(here):
        phones = select(ContactAddress.takes_sms).where(ContactAddress.kind == "phone")
        assert session.execute(phones).scalars().all() == [True] * 8


def test_a_worker_that_is_told_to_end_asks_no_more_phones(here: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    for session in in_each(here):
        people.contacts(session, 2)
        session.execute(update(ContactAddress).values(takes_sms=None))
    monkeypatch.setattr(runtime.stopping, "is_set", lambda: True)
    upkeep.run()
    for session in in_each(here):
        assert (
            session.execute(select(ContactAddress.position).where(ContactAddress.takes_sms.is_not(None))).first()
            is None
        )


def test_the_trouble_of_one_organisation_is_nobody_elses(here: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    broken, _ = here.organisations()
    done: list[UUID] = []
    expire = decisions.expire

    def only_of_others(session: Session) -> int:
        organisation_id = session.info["actor"].organisation_id
        if organisation_id == broken:
            raise ZeroDivisionError
        done.append(organisation_id)
        return expire(session)

    approvals = nouns._declared["approvals"]
    monkeypatch.setitem(nouns._declared, "approvals", replace(approvals, upkeep=(only_of_others,)))
    upkeep.run()
    assert done == here.organisations()[1:]
