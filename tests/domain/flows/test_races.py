"""Two workers at once: nothing that happens falls between looking back and waiting, and no send is closed while it gets messages."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.flows import hearing, runs
from app.domain.flows.models import Flow, FlowRun
from app.domain.messages import sends
from app.domain.messages.models import Send
from tests.domain.flows.test_hearing import does
from tests.factories import people, sending
from tests.factories.flows import branch, enter, flow, places, step

Unit = Callable[[], Any]


@pytest.fixture
def factory(own_settings: Settings) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(own_settings)
    yield session_factory(engine, own_settings)
    engine.dispose()


def bank(factory: sessionmaker[Session]) -> Unit:
    with unit_of_work(factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name="Bank")).id
    return lambda: unit_of_work(factory, system(organisation_id))


def beside(act: Callable[[], object]) -> threading.Thread:
    """Another worker does something; it has begun, and waits or is done."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    time.sleep(0.5)
    return thread


def test_an_event_between_looking_back_and_waiting_is_not_lost(factory: sessionmaker[Session]) -> None:
    unit = bank(factory)
    with unit() as session:
        made = flow(session, step("paid", "wait_for", [branch("happened"), branch("timeout")], event="paid"))
        [one] = people.contacts(session, 1)
        enter(session, made, [one])
        flow_id: UUID = made.id

    def hear() -> None:
        with unit() as session:
            hearing.hear(session)

    with unit() as walking:
        assert runs.walk_some(walking) == 1  # has looked back; that he waits is not committed yet
        with unit() as session:
            does(session, one, "paid")
        other = beside(hear)
        assert other.is_alive(), "whoever tells waits for those who walk"
    other.join(10)
    with unit() as session:
        assert session.execute(select(FlowRun.port)).scalar_one() == "happened"
        assert runs.walk_some(session) == 1
        assert places(session, session.get_one(Flow, flow_id)) == {"finished": 1}


def test_a_send_is_not_closed_while_messages_are_made_for_it(factory: sessionmaker[Session]) -> None:
    unit = bank(factory)
    with unit() as session:
        made = flow(session, step("sms", "send_sms", template_id=str(sending.sms_template(session).id)))
        one, other = people.contacts(session, 2, consent=False)
        enter(session, made, [one])
        assert runs.walk_some(session) == 1  # opens it; nothing is left in it
        flow_id = made.id
    with unit() as walking:
        enter(walking, walking.get_one(Flow, flow_id), [other])
        assert runs.walk_some(walking) == 1
        with unit() as sweeper:
            assert sends.close_drained(sweeper) == 0
    with unit() as sweeper:
        assert sends.close_drained(sweeper) == 1
        assert sweeper.execute(select(Send.state)).scalar_one() == "drained"


def test_two_workers_move_different_people(factory: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> None:
    unit = bank(factory)
    monkeypatch.setattr(runs, "AT_ONCE", 3)
    with unit() as session:
        made = flow(session, step("tag", "tag", add=["x"]), step("wait", "wait", days=1))
        enter(session, made, people.contacts(session, 5))
    with unit() as first:
        assert runs.walk_some(first) == 3
        with unit() as second:
            assert runs.walk_some(second) == 2
    with unit() as session:
        assert places(session, session.execute(select(Flow)).scalar_one()) == {"wait": 5}
