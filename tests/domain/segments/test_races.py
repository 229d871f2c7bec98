"""Two workers at once, each on a connection of its own: members are right whoever comes first, and nobody is lost between them."""

import threading
from collections.abc import Iterator
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import Actor, system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.contacts import profile
from app.domain.segments import freshness, library, members
from app.domain.segments.models import Segment
from tests.domain.segments.kept import (
    EILAT,
    HAIFA,
    becomes,
    change,
    due,
    inside,
    made,
    matching,
    moves,
    replayed,
)
from tests.domain.segments.told import tell_all
from tests.factories import people

DATA = "data"


@pytest.fixture
def engine(own_settings: Settings) -> Iterator[Engine]:
    engine = make_engine(own_settings, pool_size=4)
    yield engine
    engine.dispose()


class Bank:
    """Four people of Haifa, and the segment of it."""

    def __init__(self, factory: sessionmaker[Session]) -> None:
        with unit_of_work(factory, None) as session:
            self.by: Actor = system(users.create_organisation(session, users.NewOrganisation(name="Bank")).id)
            self.people = people.contacts(session, 4, city="Haifa")
            self.segment_id = made(session, self.by, "Haifa", HAIFA).id
            session.info.pop("rings", None)
        self.unit = partial(unit_of_work, factory, self.by)
        self.go_through()

    def go_through(self) -> None:
        assert freshness.refresh_due(self.unit)

    def segment(self, session: Session) -> Segment:
        return session.get_one(Segment, self.segment_id)

    def moved_away(self, contact_id: UUID) -> None:
        """Somebody moves, and everybody is told."""
        with self.unit() as session:
            becomes(session, self.by, contact_id, city="Eilat")
            tell_all(session)
            session.info.pop("rings", None)

    def agrees(self) -> set[UUID]:
        """Everything says the same; who is in it."""
        with self.unit() as session:
            segment = self.segment(session)
            found = inside(session, segment)
            assert found == replayed(session, segment) == matching(session, segment)
            assert (segment.size, due(session)) == (len(found), {})
            return found


@pytest.fixture
def bank(engine: Engine, own_settings: Settings) -> Bank:
    return Bank(session_factory(engine, own_settings))


def waits_for_a_lock(engine: Engine) -> bool:
    with engine.connect() as connection:
        waiting = text("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
        return bool(connection.execute(waiting).scalar())


def beside(act: object, engine: Engine) -> threading.Thread:
    """Do it in a thread; returns when it waits for the members that the caller holds."""
    thread = threading.Thread(target=act, daemon=True)  # type: ignore[arg-type]
    thread.start()
    while not waits_for_a_lock(engine):
        assert thread.is_alive(), "it did not wait"
    return thread


def test_two_counts_at_once_move_nobody_twice(bank: Bank, engine: Engine) -> None:
    bank.moved_away(bank.people[0])

    def count() -> None:
        with bank.unit() as session:
            members.refresh(session, bank.segment(session), "recount")

    with bank.unit() as session:
        assert members.refresh(session, bank.segment(session), "recount").left == 1
        other = beside(count, engine)
    other.join(20)
    freshness.refresh_woken(bank.unit)
    assert bank.agrees() == set(bank.people[1:])


def test_who_changes_while_everybody_is_counted_is_looked_at_afterwards(bank: Bank, engine: Engine) -> None:
    with bank.unit() as session:
        freshness.owe(session, "recount", Segment.id == bank.segment_id)
        session.info.pop("rings", None)
    with bank.unit() as session:
        members.refresh(session, bank.segment(session), "recount")
        bank.moved_away(bank.people[0])  # too late for this count
        other = beside(lambda: freshness.refresh_woken(bank.unit), engine)
    other.join(20)
    assert bank.agrees() == set(bank.people[1:])


def test_a_count_of_the_old_definition_does_not_settle_the_new_one(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    really = members.difference

    def slowly(*given: object) -> object:
        found = really(*given)  # type: ignore[arg-type]
        with bank.unit() as session:
            session.execute(text("SET LOCAL lock_timeout = '5s'"))
            if bank.segment(session).version == 1:
                change(session, bank.by, bank.segment(session), EILAT)
            session.info.pop("rings", None)
        return found

    monkeypatch.setattr(members, "difference", slowly)
    with bank.unit() as session:
        members.refresh(session, bank.segment(session), "recount")
    with bank.unit() as session:
        assert due(session) == {"Haifa": "definition"}, "it is still due"
    bank.go_through()
    assert bank.agrees() == set()
    with bank.unit() as session:
        assert {move[2:] for move in moves(session, bank.segment(session))} == {("definition", 2)}


def test_whoever_is_deleted_while_he_is_looked_at_leaves(bank: Bank, engine: Engine) -> None:
    bank.moved_away(bank.people[0])
    with bank.unit() as session:
        assert freshness.take_some(session) == 1
        with bank.unit() as other:
            profile.delete(other, bank.people[1], by=bank.by)
            tell_all(other)
            other.info.pop("rings", None)
        late = beside(lambda: freshness.refresh_woken(bank.unit), engine)
    late.join(20)
    assert bank.agrees() == set(bank.people[2:])


def test_a_segment_archived_while_somebody_is_looked_at_is_empty(
    bank: Bank, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = members.difference

    def slowly(*given: object) -> object:
        found = really(*given)  # type: ignore[arg-type]
        with bank.unit() as session:
            if bank.segment(session).archived_at is None:
                library.archive(session, bank.segment_id, by=bank.by)
            session.info.pop("rings", None)
        return found

    monkeypatch.setattr(members, "difference", slowly)
    bank.moved_away(bank.people[0])
    with bank.unit() as session:
        freshness.take_some(session)
    bank.go_through()
    with bank.unit() as session:
        assert inside(session, bank.segment(session)) == replayed(session, bank.segment(session)) == set()
        assert session.execute(select(Segment.due_at)).scalars().all() == [None]


def test_two_that_look_at_the_same_segments_never_wait_for_each_other(bank: Bank) -> None:
    """Each takes the locks in the order of the ids, whatever order they are named in."""
    with bank.unit() as session:
        ids = [made(session, bank.by, f"More {n}", HAIFA).id for n in range(12)]
        session.info.pop("rings", None)
    bank.go_through()
    broke: list[BaseException] = []

    def look(order: int) -> None:
        try:
            for contact_id in bank.people[order::2]:
                with bank.unit() as session:
                    becomes(session, bank.by, contact_id, city="Eilat")
                    session.info.pop("rings", None)
                with bank.unit() as session:
                    members.refresh_some(session, [contact_id], ids[:: 1 - 2 * order], DATA)
        except BaseException as error:
            broke.append(error)
            raise

    both = [threading.Thread(target=look, args=(order,), daemon=True) for order in (0, 1)]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    assert not broke
    with bank.unit() as session:
        assert all(inside(session, session.get_one(Segment, one)) == set() for one in ids)
