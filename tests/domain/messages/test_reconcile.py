"""Doubts: settled by evidence, by a person, and never against a stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import system
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.unit import unit_of_work
from app.domain.access.models import Organisation
from app.domain.messages import reconcile, reference, sends
from app.domain.messages.models import Attempt, Message, Send
from app.domain.messages.states import RANKS
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


def test_a_provider_that_forgets_what_it_took_is_not_believed(
    session: Session, ask: Ask, provider: Memory, send: Send
) -> None:
    provider.sent.clear()
    assert ask(provider).absent == 0
    assert states(session) == {"sent": 1, "in_doubt": 2}


def test_without_anything_known_to_have_arrived_nobody_is_believed(session: Session, run: Run, ask: Ask) -> None:
    """A look-up that finds nothing of nothing proves nothing: it may be asked in the wrong place."""
    provider = Memory(answer=lambda _m: InDoubt("no answer"))
    provider.doubt_accepts = False
    people.contacts(session, 2)
    sending.account(session, settle_seconds=0)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    run(provider)
    assert ask(provider) == reconcile.Settled(found=0, absent=0, still=2)
    assert states(session) == {"in_doubt": 2}


@pytest.mark.parametrize("forgotten", [0, 1, 2])
def test_one_that_is_missing_of_what_it_took_is_enough_to_doubt_it(
    session: Session, run: Run, ask: Ask, forgotten: int
) -> None:
    provider = Memory(answer=lambda m: InDoubt("no answer") if m.to.endswith("03") else None)
    provider.doubt_accepts = False
    people.contacts(session, 4)
    sending.account(session, settle_seconds=0)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    run(provider)
    kept = provider.sent.pop(forgotten)
    assert ask(provider).absent == 0
    provider.sent.append(kept)
    assert ask(provider).absent == 1


def test_what_the_provider_has_is_sent(session: Session, ask: Ask, provider: Memory, send: Send) -> None:
    [doubt, _] = session.execute(select(Message).where(Message.state == "in_doubt").order_by(Message.id)).scalars()
    taken = provider.sent[0]
    provider.sent.append(replace(taken, reference=reference.of(doubt.occurrence_id, doubt.id)))
    assert ask(provider) == reconcile.Settled(found=1, absent=1, still=0)
    assert states(session) == {"sent": 2, "queued": 1}
    assert session.get_one(Message, (doubt.id, doubt.occurrence_id)).provider_reference == "memory-2"


def test_who_cannot_tell_leaves_the_doubt(session: Session, ask: Ask, provider: Memory, send: Send) -> None:
    provider.can_look_up = False
    assert ask(provider) == reconcile.Settled(found=0, absent=0, still=2)
    assert states(session) == {"sent": 1, "in_doubt": 2}


def test_a_fresh_doubt_is_left_to_settle(session: Session, run: Run, ask: Ask, provider: Memory) -> None:
    people.contacts(session, 3)
    sending.account(session)  # a quarter of an hour
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    run(provider)
    assert ask(provider) == reconcile.Settled()
    session.execute(update(Message).values(doubt_at=Message.doubt_at - timedelta(seconds=reconcile.SETTLE_SECONDS)))
    assert ask(provider).absent == 2


def test_an_intent_nobody_recorded_becomes_a_doubt_when_its_lease_is_over(session: Session, send: Send) -> None:
    values = {"state": "sending", "rank": RANKS["sending"], "lease_token": uuid4()}
    session.execute(
        update(Message)
        .where(Message.state == "sent")
        .values(**values, lease_until=func.clock_timestamp() + timedelta(minutes=1))
    )
    assert reconcile.doubt_abandoned(session) == 0
    session.execute(
        update(Message)
        .where(Message.state == "sending")
        .values(lease_until=func.clock_timestamp() - timedelta(seconds=1))
    )
    assert reconcile.doubt_abandoned(session) == 1
    assert states(session) == {"in_doubt": 3}


@pytest.mark.parametrize(("as_", "state"), [("sent", "sent"), ("again", "queued")])
def test_a_person_settles_a_doubt(
    session: Session, organisation: Organisation, send: Send, as_: str, state: str
) -> None:
    doubt = session.execute(select(Message).where(Message.state == "in_doubt").limit(1)).scalar_one()
    settled = reconcile.resolve(session, doubt.id, as_=as_, by=system(organisation.id))
    assert (settled.state, settled.rank, settled.doubt_at) == (state, RANKS[state], None)
    with pytest.raises(Conflict):
        reconcile.resolve(session, doubt.id, as_=as_, by=system(organisation.id))
    assert session.get_one(Send, send.id).state == ("running" if as_ == "again" else "drained")


def test_a_doubt_is_settled_by_an_operator_with_one_of_two_words(
    session: Session, organisation: Organisation, send: Send
) -> None:
    doubt = session.execute(select(Message).where(Message.state == "in_doubt").limit(1)).scalar_one()
    with pytest.raises(Invalid):
        reconcile.resolve(session, doubt.id, as_="maybe", by=system(organisation.id))
    with pytest.raises(Forbidden):
        reconcile.resolve(session, doubt.id, as_="sent", by=people.staff(session, "marketer"))
    with pytest.raises(NotFound):
        reconcile.resolve(session, uuid4(), as_="sent", by=system(organisation.id))


@pytest.mark.parametrize("who", ["provider", "person"])
def test_what_was_sent_after_all_was_handed_over_when_it_was_tried(
    session: Session, organisation: Organisation, ask: Ask, provider: Memory, send: Send, who: str
) -> None:
    doubtful = session.execute(select(Message.id).where(Message.state == "in_doubt")).scalars().all()
    tried = session.execute(select(Attempt.started_at).where(Attempt.message_id.in_(doubtful))).scalars().all()
    with clock.at(clock.now() + timedelta(days=3)):
        if who == "provider":
            taken = [replace(provider.sent[0], reference=reference.of(send.first_occurrence, one)) for one in doubtful]
            provider.sent.extend(taken)
            assert ask(provider).found == 2
        else:
            for one in doubtful:
                reconcile.resolve(session, one, as_="sent", by=system(organisation.id))
    session.flush()
    session.expire_all()
    said = session.execute(select(Message.sent_at).where(Message.id.in_(doubtful))).scalars().all()
    assert sorted(said) == sorted(tried)
