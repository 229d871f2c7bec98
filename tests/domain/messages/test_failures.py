"""What failed for good is work for somebody, by send and category, until he has seen to it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.errors import Forbidden, NotFound
from app.core.unit import actor_of
from app.domain.access.models import Organisation
from app.domain.messages import failures, retries
from app.domain.messages.failures import Handling
from app.domain.messages.models import Message, Send
from app.gateways.channels.base import Category, Outgoing, Rejected
from tests.domain.messages.line import Line, Run
from tests.factories import people, sending

ENDS = [Category.INVALID_NUMBER, Category.INVALID_NUMBER, Category.FILTERED, Category.TIMEOUT, None]


@pytest.fixture
def send(session: Session, run: Run, organisation: Organisation) -> Send:
    """Five SMS: three fail for good, one is to be tried again, one is sent."""
    assert organisation
    sending.account(session)
    people.contacts(session, len(ENDS))
    made = sending.send_to_everybody(session, sending.sms_template(session), uuid4())

    def answer(message: Outgoing) -> str | Rejected:
        category = ENDS[int(message.to[-1])]
        return Rejected("no", category=category) if category else "accept"

    run(Line(answer))
    return made


def listed(session: Session) -> dict[str, int]:
    found = failures.listed(session, by=system(actor_of(session).organisation_id))
    assert session.execute(failures.number_waiting()).scalar_one() == len(found)
    return {one.category: one.number for one in found}


def test_they_are_listed_by_send_and_category(session: Session, send: Send) -> None:
    assert listed(session) == {"invalid_number": 2, "filtered": 1}


def test_what_used_up_its_attempts_is_one_of_them(session: Session, run: Run, send: Send) -> None:
    for _ in range(retries.MOST - 1):
        session.execute(update(Message).where(Message.state == "queued").values(due_at=clock.now()))
        run(Line(lambda _m: Rejected("no", category=Category.TIMEOUT)))
    assert listed(session) == {"invalid_number": 2, "filtered": 1, "timeout": 1}


def test_what_has_no_confirmation_is_none(session: Session, send: Send) -> None:
    ended = {"state": "undeliverable", "reason": "no_confirmation", "final_at": clock.now()}
    session.execute(update(Message).where(Message.state == "sent").values(ended))
    assert "no_confirmation" not in listed(session)


def test_what_was_seen_to_is_gone_until_more_fails(session: Session, send: Send) -> None:
    operator = people.staff(session, "operator")
    seen = Handling(send=send.id, category=Category.INVALID_NUMBER, until=clock.now())
    failures.handle(session, seen, by=operator)
    assert listed(session) == {"filtered": 1}
    later = clock.now() + timedelta(hours=1)
    one = session.execute(select(Message.id).where(Message.reason == "invalid_number")).scalars().first()
    session.execute(update(Message).where(Message.id == one).values(final_at=later))
    assert listed(session) == {"filtered": 1, "invalid_number": 1}
    failures.handle(session, seen, by=operator)  # once more the old page
    assert listed(session) == {"filtered": 1, "invalid_number": 1}


def test_what_nobody_has_been_shown_cannot_be_seen_to(session: Session, send: Send) -> None:
    ahead = Handling(send=send.id, category=Category.FILTERED, until=clock.now() + timedelta(days=1))
    failures.handle(session, ahead, by=people.staff(session, "operator"))
    session.execute(
        update(Message).where(Message.reason == "filtered").values(final_at=clock.now() + timedelta(hours=1))
    )
    assert listed(session)["filtered"] == 1


def test_who_does_not_operate_sees_to_nothing(session: Session, send: Send) -> None:
    seen = Handling(send=send.id, category=Category.FILTERED, until=clock.now())
    with pytest.raises(Forbidden):
        failures.handle(session, seen, by=people.staff(session, "viewer"))
    with pytest.raises(NotFound):
        failures.handle(session, seen.model_copy(update={"send": uuid4()}), by=people.staff(session, "operator"))


def test_what_was_sent_long_ago_is_in_its_report(session: Session, send: Send) -> None:
    session.execute(update(Send).values(created_at=clock.now() - timedelta(days=15)))
    assert listed(session) == {}


def test_every_category_says_whether_it_is_tried_again() -> None:
    assert dict(failures.policy()) == {one: one in retries.AGAIN for one in Category}
