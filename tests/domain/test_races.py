"""Two workers at once, on connections of their own: neither waits for the other, and nothing is taken twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.nouns import Consumer
from app.core.settings import Settings
from app.core.sql import load
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.messages import sends
from app.domain.messages.capping import NONE, Cap, InForce, take_turns
from app.domain.messages.claiming import claim, steps
from app.domain.messages.hours import hours_of
from app.domain.messages.models import Message, Receipt, Send
from app.domain.messages.reference import keys
from app.domain.messages.sends import SendDrained
from app.domain.notices import deliver, post
from app.domain.outbox import relay
from app.domain.outbox.publish import publish
from app.domain.reports import runs
from app.domain.reports.models import ReportRun
from tests.factories import people, sending

_SQL = load("messages/queries.sql")
Take = Callable[[Session], set[object]]


@pytest.fixture
def engine(own_settings: Settings) -> Iterator[Engine]:
    engine = make_engine(own_settings, pool_size=3)
    yield engine
    engine.dispose()


@pytest.fixture
def factory(engine: Engine, own_settings: Settings) -> sessionmaker[Session]:
    return session_factory(engine, own_settings)


@pytest.fixture
def organisation_id(factory: sessionmaker[Session]) -> UUID:
    """A bank with six of everything that workers take: messages, receipts, mails, outbox rows."""
    with unit_of_work(factory, None) as session:
        made = users.create_organisation(session, users.NewOrganisation(name="Bank of the Races"))
        people.contacts(session, 6)
        account = sending.account(session)
        sending.send_to_everybody(session, sending.sms_template(session, message_class="service"), uuid4())
        now = clock.now() - timedelta(seconds=1)
        receipt = {
            "organisation_id": made.id,
            "provider_account_id": account.id,
            "kind": "delivered",
            "received_at": now,
            "due_at": now,
        }
        session.execute(insert(Receipt), [receipt | {"event_key": str(n)} for n in range(6)])
        for _ in range(6):
            post.post(session, "dana@bank.example", "A report", "Here.", source=("report", uuid4()))
            publish(session, SendDrained(subject=uuid4(), send=uuid4(), source_kind="campaign"))
        session.info.pop("rings", None)
        return made.id


def three_messages(session: Session) -> set[object]:
    send = session.execute(select(Send)).scalar_one()
    return {row.id for row in session.execute(_SQL["claim"], claim(send, None, uuid4(), 3))}


def three_receipts(session: Session) -> set[object]:
    return {row.event_key for row in session.execute(_SQL["take_receipts"], {"now": clock.now(), "most": 3})}


def one_mail(session: Session) -> set[object]:
    @contextmanager
    def open_unit() -> Iterator[Session]:
        yield session

    return {deliver._take(open_unit)}


def one_event(session: Session) -> set[object]:
    begun = relay._begin(session, {"campaigns.drained": Consumer("campaigns.drained", SendDrained, lambda *_: None)})
    assert begun is not None
    session.flush()
    return {(event_id, begun.consumer) for event_id in begun.event_ids}  # each consumer has the event once


@pytest.mark.parametrize("take", [three_messages, three_receipts, one_mail, one_event])
def test_two_at_once_take_different_things_and_neither_waits(
    factory: sessionmaker[Session], organisation_id: UUID, take: Take
) -> None:
    with (
        unit_of_work(factory, system(organisation_id)) as first,
        unit_of_work(factory, system(organisation_id)) as second,
    ):
        mine = take(first)
        second.execute(text("SET LOCAL lock_timeout = '2s'"))
        others = take(second)
    assert len(mine) == len(others) > 0
    assert not mine & others


def test_a_report_is_made_by_one_worker(factory: sessionmaker[Session], organisation_id: UUID) -> None:
    with unit_of_work(factory, system(organisation_id)) as session:
        run = ReportRun(
            organisation_id=organisation_id,
            name="campaign",
            locale="en",
            parameters={},
            recipients=[],
            created_at=clock.now(),
        )
        session.add(run)
    with (
        unit_of_work(factory, system(organisation_id)) as first,
        unit_of_work(factory, system(organisation_id)) as second,
    ):
        assert runs._queued(first, run.id) is not None
        second.execute(text("SET LOCAL lock_timeout = '2s'"))
        assert runs._queued(second, run.id) is None


def test_two_sendings_to_one_person_pass_the_gate_in_turn_and_hold_up_nobody_else(
    factory: sessionmaker[Session], organisation_id: UUID
) -> None:
    """What two sendings let through at once would not be seen by either: a cap of one message would let two pass."""
    under_cap = InForce([Cap("", 1, 7)])
    with unit_of_work(factory, system(organisation_id)) as session:
        sending.send_to_everybody(session, sending.sms_template(session, message_class="service"), uuid4())
        rows = session.execute(select(Message.contact_id, Message.occurrence_id, Message.id)).all()
        session.info.pop("rings", None)
    of_one = [row for row in rows if row.contact_id == rows[0].contact_id]
    another = next(row for row in rows if row.contact_id != rows[0].contact_id)
    assert len(of_one) == 2

    def take(session: Session, row: Any) -> None:
        [(sql, values)] = take_turns(under_cap, keys([(row.occurrence_id, row.id)]))
        session.execute(sql, dict(values))

    with (
        unit_of_work(factory, system(organisation_id)) as first,
        unit_of_work(factory, system(organisation_id)) as second,
    ):
        take(first, of_one[0])
        second.execute(text("SET LOCAL lock_timeout = '300ms'"))
        take(second, another)
        with pytest.raises(OperationalError, match="lock timeout"):
            take(second, of_one[1])
        second.rollback()
        first.rollback()
        take(second, of_one[1])
    assert take_turns(NONE, {}) == []


def test_a_send_that_gets_more_is_not_closed_at_the_same_moment(
    factory: sessionmaker[Session], organisation_id: UUID
) -> None:
    """The last message of it has gone; the sweeper sees nothing left while more is being made for it."""
    with unit_of_work(factory, system(organisation_id)) as session:
        session.execute(update(Message).values(state="sent"))
    with unit_of_work(factory, system(organisation_id)) as maker:
        sends.reopen(maker, maker.execute(select(Send)).scalar_one())
        maker.execute(update(Message).values(state="queued"))
        with unit_of_work(factory, system(organisation_id)) as sweeper:
            assert sends.close_drained(sweeper) == 0
    with unit_of_work(factory, system(organisation_id)) as session:
        assert session.execute(select(Send.state)).scalar_one() == "running"
        assert sends.close_drained(session) == 0


def test_a_send_is_stopped_while_its_retries_are_moved_to_the_morning(
    factory: sessionmaker[Session], organisation_id: UUID
) -> None:
    """Whoever stops has the send and wants its messages; whoever claims must not have the messages and want the send."""
    night = datetime(2026, 11, 25, 22, tzinfo=UTC)
    with clock.at(night):
        with unit_of_work(factory, system(organisation_id)) as session:
            send = sending.send_to_everybody(session, sending.sms_template(session), uuid4())
            send.retry_until = night + timedelta(hours=1)
            session.flush()
            session.execute(update(Message).where(Message.send_id == send.id).values(retries=1))
            asked = steps(send, hours_of(session), uuid4(), 9)
            session.info.pop("rings", None)

        def move() -> None:
            with unit_of_work(factory, system(organisation_id)) as session:
                for sql, values in asked:
                    session.execute(sql, dict(values))

        with ThreadPoolExecutor(1) as pool, unit_of_work(factory, system(organisation_id)) as stopper:
            stopper.execute(select(Send).where(Send.id == send.id).with_for_update())
            moving = pool.submit(move)
            wait_for(
                stopper,
                "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid)",
            )
            assert sends.stop(stopper, send.source_kind, send.source_id) == 6
            stopper.commit()
            moving.result()


def wait_for(session: Session, condition: str) -> None:
    for _ in range(200):
        if session.execute(text(condition)).scalar():
            return
        sleep(0.02)
    raise AssertionError(condition)
