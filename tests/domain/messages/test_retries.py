"""What failed is tried again by its category, in the allowed hours, three times in all; late words are understood."""

from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.domain.access.models import Organisation
from app.domain.calendar import hours
from app.domain.calendar.windows import windows_of
from app.domain.consent import suppression
from app.domain.messages import reference, retries, sends
from app.domain.messages.claiming import OpenUnit
from app.domain.messages.models import Attempt, Message, Send
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Category, Outgoing, Rejected
from app.gateways.channels.base import ReceiptKind as Kind
from tests.domain.messages.failing import (
    AGAIN,
    DELIVERED,
    NEVER,
    NOON,
    account,
    failed,
    hours_later,
    message,
    sent,
    told,
)
from tests.domain.messages.line import Line, Run
from tests.factories import people, sending

__all__ = ["account", "message"]


def test_every_category_is_either_tried_again_or_not() -> None:
    assert set(retries.AGAIN) | set(retries.FOR_GOOD) == set(Category)
    assert not set(retries.AGAIN) & set(retries.FOR_GOOD)


@pytest.mark.parametrize("category", AGAIN)
def test_what_a_receipt_says_failed_for_a_while_is_tried_again_after_six_hours(
    session: Session, run: Run, message: Message, category: Category
) -> None:
    with hours_later(1):
        told(session, message, failed(category))
    assert (message.state, message.reason, message.retries) == ("queued", category, 1)
    assert message.due_at == NOON + timedelta(hours=7)
    line = Line()
    with hours_later(6.9):
        assert run(line).sent == 0
    with hours_later(7):
        assert run(line).sent == 1
    session.refresh(message)
    assert (message.state, message.reason, message.attempts) == ("sent", None, 2)
    assert line.taken[0].reference == reference.of(message.occurrence_id, message.id, 1)
    assert message.sent_at == NOON + timedelta(hours=7)
    numbers = session.execute(select(Attempt.number, Attempt.retry).order_by(Attempt.number)).all()
    assert [tuple(row) for row in numbers] == [(1, 0), (2, 1)]


@pytest.mark.parametrize("category", NEVER)
@pytest.mark.parametrize("kind", [Kind.FAILED, Kind.UNDELIVERABLE])
def test_what_fails_for_good_is_not_tried_again(
    session: Session, message: Message, category: Category, kind: Kind
) -> None:
    with hours_later(1):
        told(session, message, failed(category, kind))
    assert (message.state, message.reason, message.retries) == (kind.value, category, 0)


def test_an_e_mail_is_not_tried_again(session: Session, run: Run, organisation: Organisation) -> None:
    sending.account(session, "email")
    people.contacts(session, 1)
    sending.send_to_everybody(session, sending.email_template(session), uuid4())
    run(Line(), "email")
    message = session.execute(select(Message)).scalar_one()
    told(session, message, failed(Category.QUOTA_EXCEEDED))
    assert message.state == "failed"


def test_after_three_attempts_it_has_failed(session: Session, run: Run, message: Message) -> None:
    for n in (0, 1):
        with hours_later(6 * n + 0.1):
            told(session, message, failed(), retry=n)
        assert message.state == "queued"
        with hours_later(6 * (n + 1) + 0.2):
            assert run(Line()).sent == 1
    with hours_later(13):
        told(session, message, failed(), retry=2)
    assert (message.state, message.reason, message.attempts) == ("failed", "timeout", 3)


@pytest.mark.parametrize("category", AGAIN)
def test_a_refusal_in_the_answer_is_tried_again_the_same_way(
    session: Session, run: Run, account: ProviderAccount, category: Category
) -> None:
    refuses = Line(lambda _m: Rejected("not now", category=category))
    message = sent(session, run, refuses)
    assert (message.state, message.reason, message.retries, message.attempts) == ("queued", category, 1, 1)
    assert message.due_at == NOON + timedelta(hours=6)
    for number in (6, 12):
        with hours_later(number):
            run(refuses)
        session.refresh(message)
    assert (message.state, message.reason, message.attempts) == ("failed", category, 3)


@pytest.mark.parametrize("category", NEVER)
def test_a_refusal_for_good_is_not(session: Session, run: Run, account: ProviderAccount, category: Category) -> None:
    message = sent(session, run, Line(lambda _m: Rejected("no", category=category)))
    assert (message.state, message.reason, message.attempts) == ("failed", category, 1)


def test_a_send_says_itself_how_often_and_how_many_hours_apart(
    session: Session, run: Run, message: Message, account: ProviderAccount
) -> None:
    """Of a refusal in the answer and of a receipt alike."""
    session.execute(update(Send).values(most_attempts=2, retry_hours=9))
    session.expire_all()
    with hours_later(1):
        told(session, message, failed())
    assert (message.state, message.due_at) == ("queued", NOON + timedelta(hours=10))
    with hours_later(10):
        assert run(Line(lambda _m: Rejected("not now", category=Category.TIMEOUT))).sent == 0
    session.refresh(message)
    assert (message.state, message.attempts) == ("failed", 2)


def test_a_send_of_one_attempt_is_not_tried_again(session: Session, message: Message) -> None:
    session.execute(update(Send).values(most_attempts=1))
    told(session, message, failed())
    assert message.state == "failed"


def test_a_refusal_is_due_after_the_hours_of_its_send(session: Session, run: Run, account: ProviderAccount) -> None:
    people.contacts(session, 1)
    with hours_later(0):
        sending.send_to_everybody(session, sending.sms_template(session), uuid4())
        session.execute(update(Send).values(retry_hours=2))
        run(Line(lambda _m: Rejected("not now", category=Category.QUOTA_EXCEEDED)))
    assert session.execute(select(Message)).scalar_one().due_at == NOON + timedelta(hours=2)


def test_what_was_surely_not_taken_uses_up_no_attempt(session: Session, run: Run, account: ProviderAccount) -> None:
    message, busy = sent(session, run, Line(lambda _m: "later")), Line(lambda _m: "later")
    for minutes in range(10, 60, 10):
        with hours_later(minutes / 60):
            run(busy)
    session.refresh(message)
    assert (message.state, message.retries) == ("queued", 0)
    assert message.attempts >= 5


def test_a_retry_waits_for_the_allowed_hours_where_its_send_does(session: Session, message: Message) -> None:
    week = {str(day): hours.Hours(opens=time(9), closes=time(19, 30)) for day in (6, 0, 1, 2, 3)}
    hours.keep(session, hours.CalendarInput(week=week, holidays="", days=[]), by=system(message.organisation_id))
    session.execute(update(Send).values(source_kind="campaign", message_class="marketing"))
    with hours_later(5):  # five in the afternoon
        told(session, message, failed())
        assert message.due_at == windows_of(session).next_open(clock.now() + timedelta(hours=retries.HOURS))
    assert message.due_at == datetime(2026, 11, 18, 7, tzinfo=UTC)  # nine in the morning in Jerusalem


def test_a_service_message_is_tried_again_at_night(session: Session, message: Message) -> None:
    session.execute(update(Send).values(source_kind="bank", message_class="service"))
    with hours_later(5):
        told(session, message, failed())
    assert message.due_at == NOON + timedelta(hours=11)


def test_a_retry_opens_its_send_again_and_outlives_its_end(session: Session, run: Run, message: Message) -> None:
    session.execute(update(Send).values(not_after=NOON + timedelta(hours=2)))
    send = session.execute(select(Send)).scalar_one()
    session.refresh(send)
    assert send.state == "drained"
    with hours_later(1):
        told(session, message, failed())
    session.refresh(send)
    assert (send.state, send.drained_at) == ("running", None)
    with hours_later(7.5):
        assert sends.expire_late(session) == 0
        assert sends.is_due(session, "sms")
        assert run(Line()).sent == 1
    session.refresh(send)
    assert send.state == "drained"


def test_a_send_that_is_over_lets_only_retries_go(session: Session, run: Run, message: Message) -> None:
    with hours_later(1):
        told(session, message, failed())
    send = session.execute(select(Send)).scalar_one()
    session.execute(update(Send).values(not_after=NOON + timedelta(hours=2)))
    fresh = Message(
        occurrence_id=message.occurrence_id, organisation_id=message.organisation_id, send_id=send.id,
        contact_id=uuid4(), channel="sms", state="queued", rank=10, priority=50, due_at=NOON, created_at=NOON,
    )  # fmt: skip
    session.add(fresh)
    session.flush()
    line = Line()
    with hours_later(8):
        run(line)
        assert [m.reference for m in line.taken] == [reference.of(message.occurrence_id, message.id, 1)]
        assert sends.expire_late(session) == 1
    session.refresh(fresh)
    assert fresh.state == "expired"


def test_a_retry_that_could_not_go_out_for_a_day_stays_failed(session: Session, message: Message) -> None:
    with hours_later(1):
        told(session, message, failed())
    with hours_later(7 + 25):
        assert sends.expire_late(session) == 1
    session.refresh(message)
    assert (message.state, message.reason) == ("failed", "expired")


def test_who_opted_out_meanwhile_gets_no_retry(
    session: Session, run: Run, organisation: Organisation, message: Message
) -> None:
    with hours_later(1):
        told(session, message, failed())
    assert message.address_blind
    suppression.suppress_blind(session, message.address_blind, channel="sms", reason="manual", source="provider")
    line = Line()
    with hours_later(8):
        run(line)
    session.refresh(message)
    assert line.taken == []
    assert (message.state, message.reason) == ("failed", "suppressed")


def test_a_stopped_send_has_no_retries(session: Session, run: Run, message: Message) -> None:
    send = session.execute(select(Send)).scalar_one()
    with hours_later(1):
        sends.stop(session, send.source_kind, send.source_id)
        told(session, message, failed())
    assert (message.state, message.reason) == ("failed", "timeout")


@pytest.mark.parametrize(
    ("answer", "ends"), [(Rejected("no", category=Category.TIMEOUT), ("failed", 1)), ("later", ("cancelled", 0))]
)
def test_what_comes_back_after_its_send_was_stopped_is_not_forgotten(
    session: Session, run: Run, unit: OpenUnit, account: ProviderAccount, answer: str | Rejected, ends: tuple[str, int]
) -> None:
    def stopped(_message: Outgoing) -> str | Rejected:
        with unit() as other:
            send = other.execute(select(Send)).scalar_one()
            sends.stop(other, send.source_kind, send.source_id)
        return answer

    message = sent(session, run, Line(stopped))
    assert message.state == "queued"
    sends.cancel_stopped(session)
    sends.close_drained(session)
    session.refresh(message)
    assert (message.state, message.retries) == ends
    send = session.execute(select(Send)).scalar_one()
    session.refresh(send)
    assert send.state == "stopped"
    assert send.drained_at


def test_stopping_a_send_takes_back_its_retries(session: Session, message: Message) -> None:
    send = session.execute(select(Send)).scalar_one()
    with hours_later(1):
        told(session, message, failed())
        assert sends.stop(session, send.source_kind, send.source_id) == 1
    session.refresh(message)
    assert (message.state, message.reason) == ("failed", "cancelled")
    told(session, message, DELIVERED)
    assert (message.state, message.reason, message.duplicate_delivered) == ("delivered", None, False)
