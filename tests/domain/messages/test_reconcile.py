"""Doubts: settled by evidence, by a person, and never against a stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import system
from app.core.errors import Conflict
from app.core.unit import unit_of_work
from app.domain.access.models import Organisation
from app.domain.messages import reconcile, sends
from app.domain.messages.models import Message, Send
from app.gateways.channels.base import InDoubt
from app.gateways.channels.memory import Memory
from tests.domain.messages.line import Line, Run, states
from tests.factories import people, sending

Ask = Callable[[Memory], reconcile.Settled]


@pytest.fixture
def ask(factory: sessionmaker[Session], organisation: Organisation, session: Session) -> Ask:
    """Ask a provider about what is in doubt."""

    @contextmanager
    def unit() -> Iterator[Session]:
        with unit_of_work(factory, system(organisation.id)) as one:
            yield one

    def go(provider: Memory) -> reconcile.Settled:
        session.commit()
        return reconcile.reconcile(unit, lambda *_: provider)

    return go


@pytest.fixture
def provider() -> Memory:
    """Takes one, loses the others without a word; knows what it took."""
    provider = Memory(answer=lambda m: None if m.to.endswith("00") else InDoubt("no answer"))
    provider.doubt_accepts = False
    return provider


@pytest.fixture
def send(session: Session, run: Run, provider: Memory) -> Send:
    """Three messages: one sent, two in doubt."""
    people.contacts(session, 3)
    sending.account(session, settle_seconds=0)
    send = sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    run(provider)
    assert states(session) == {"sent": 1, "in_doubt": 2}
    return send


def test_what_never_arrived_is_sent_again(session: Session, run: Run, ask: Ask, provider: Memory, send: Send) -> None:
    assert send.state == "drained"
    assert ask(provider).absent == 2
    line = Line()
    run(line)
    assert states(session) == {"sent": 3}
    assert len(line.taken) == 2


def test_what_was_stopped_stays_stopped(session: Session, run: Run, ask: Ask, provider: Memory, send: Send) -> None:
    sends.stop(session, "test", send.source_id)
    sends.close_drained(session)
    assert ask(provider).absent == 2
    line = Line()
    run(line)
    assert states(session) == {"sent": 1, "cancelled": 2}
    assert line.taken == []
    assert session.get_one(Send, send.id).state == "stopped"


def test_nobody_sends_again_what_was_stopped(session: Session, organisation: Organisation, send: Send) -> None:
    sends.stop(session, "test", send.source_id)
    doubt = session.execute(select(Message).where(Message.state == "in_doubt")).scalars().first()
    assert doubt
    with pytest.raises(Conflict):
        reconcile.resolve(session, doubt.id, as_="again", by=system(organisation.id))
    reconcile.resolve(session, doubt.id, as_="sent", by=system(organisation.id))
    session.flush()
    assert states(session) == {"sent": 2, "in_doubt": 1}


def test_a_provider_that_forgets_what_it_took_is_not_believed(session: Session, ask: Ask, provider: Memory, send: Send) -> None:
    provider.sent.clear()
    assert ask(provider).absent == 0
    assert states(session) == {"sent": 1, "in_doubt": 2}
