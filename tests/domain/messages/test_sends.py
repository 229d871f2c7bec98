"""What is out of date is not sent next morning: it ends as expired, once, and only where nothing is on the wire."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.domain.access.models import Organisation
from app.domain.messages import sends, test_send
from app.domain.messages.hours import hours_of
from app.domain.messages.models import Message, Send
from app.domain.messages.states import RANKS
from tests.domain.messages.line import Line, Run, states
from tests.factories import people, sending


@pytest.fixture
def send(session: Session, organisation: Organisation) -> Send:
    """Five messages that may be sent for a day."""
    people.contacts(session, 5)
    sending.account(session)
    return sending.send_to_everybody(session, sending.sms_template(session), uuid4())


def set_all(session: Session, number: int, **values: object) -> None:
    some = select(Message.id).order_by(Message.id).limit(number)
    session.execute(update(Message).where(Message.id.in_(some)).values(**values))


def test_nothing_is_out_of_date_before_its_time(session: Session, send: Send) -> None:
    with clock.at(send.not_after - timedelta(seconds=1)):
        assert [one.id for one in sends.runnable(session, "sms", hours_of(session))] == [send.id]
        assert sends.expire_late(session) == 0
    assert states(session) == {"queued": 5}


@pytest.mark.parametrize("state", ["running", "paused"])
def test_what_is_out_of_date_ends_and_is_never_sent(session: Session, run: Run, send: Send, state: str) -> None:
    send.state = state
    session.flush()
    late = send.not_after
    with clock.at(late):
        assert sends.runnable(session, "sms", hours_of(session)) == []
        assert sends.expire_late(session) == 5
        assert sends.expire_late(session) == 0, "once"
    ended = session.execute(select(Message.state, Message.reason, Message.rank, Message.final_at).distinct()).all()
    assert [tuple(row) for row in ended] == [("expired", "expired", RANKS["expired"], late)]
    send.state = "running"
    line = Line()
    run(line)
    assert line.taken == []


@pytest.mark.parametrize("state", ["sending", "sent", "in_doubt", "delivered", "failed", "cancelled"])
def test_what_is_on_its_way_or_has_ended_does_not_expire(session: Session, send: Send, state: str) -> None:
    set_all(session, 2, state=state, rank=RANKS[state])
    with clock.at(send.not_after):
        assert sends.expire_late(session) == 3
    assert states(session) == {state: 2, "expired": 3}


def test_what_a_worker_has_leased_does_not_expire_under_its_hands(session: Session, send: Send) -> None:
    set_all(session, 2, lease_token=uuid4(), lease_until=clock.now() + timedelta(minutes=1))
    with clock.at(send.not_after):
        assert sends.expire_late(session) == 3
        set_all(session, 2, lease_until=clock.now() - timedelta(days=2))
        assert sends.expire_late(session) == 2


def test_only_the_late_send_ends(session: Session, send: Send) -> None:
    other = sending.send_to_everybody(session, sending.email_template(session), uuid4())
    other.not_after = send.not_after + timedelta(hours=1)
    session.flush()
    with clock.at(send.not_after):
        assert sends.expire_late(session) == 5
    left = session.execute(select(Message.send_id).where(Message.state == "queued").distinct()).scalars().all()
    assert left == [other.id]


def test_a_test_is_for_now_and_not_for_tomorrow(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1, is_test=True)
    sending.account(session)
    begun = clock.now()
    with clock.at(begun):
        assert test_send.send(session, sending.sms_template(session), by=system(organisation.id)) == {"queued": 1}
    with clock.at(begun + timedelta(minutes=59)):
        assert sends.expire_late(session) == 0
    with clock.at(begun + timedelta(hours=1)):
        assert sends.expire_late(session) == 1
