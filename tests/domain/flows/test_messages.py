"""What becomes of the messages of a flow comes back to it: through sending, receipts and replies as they are."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.flows import hearing, log
from app.domain.flows.models import Flow, FlowRun
from app.domain.messages import receipts, reference
from app.domain.messages.models import Message, Send
from app.domain.providers.models import ProviderAccount
from app.domain.segments.saying import spoken
from app.gateways.channels.base import Category, Receipt, ReceiptKind
from tests.domain.messages.conftest import run, unit
from tests.domain.messages.line import Line
from tests.domain.messages.test_replies import said
from tests.factories import people, sending
from tests.factories.flows import branch, enter, flow, path, places, run_of, step, walk

__all__ = ["run", "unit"]
pytestmark = pytest.mark.usefixtures("organisation")
NOBODY = {"kind": "field", "field": "city", "op": "eq", "value": "Nowhere"}
WAYS = [branch("happened", step("yes", "tag", add=["yes"])), branch("timeout", step("no", "tag", add=["no"]))]


def waiting(session: Session, did: str, name: str = "A flow") -> Flow:
    text = sending.sms_template(session, name)
    return flow(
        session, step("sms", "send_sms", template_id=str(text.id)), step("did", "wait_for", WAYS, did=did), name=name
    )


def begun(session: Session, made: Flow) -> UUID:
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    assert places(session, made) == {"did": 1}
    return one


def test_who_waits_for_it_goes_on_when_it_was_sent(session: Session, run: Callable[..., Any]) -> None:
    sending.account(session)
    made = waiting(session, "sent")
    begun(session, made)
    assert run(Line()).sent == 1
    walk(session)
    assert places(session, made) == {"finished": 1}


def test_who_comes_a_week_later_is_sent_something_too(session: Session, run: Callable[..., Any]) -> None:
    """A step has one send for all its days: it lasts as long as somebody comes, and opens again."""
    sending.account(session)
    made = waiting(session, "sent")
    begun(session, made)
    assert run(Line()).sent == 1
    assert session.execute(select(Send.state)).scalars().all() == ["drained"]
    with clock.at(clock.now() + timedelta(days=7)):
        [later] = people.contacts(session, 1, start=1)
        enter(session, made, [later])
        walk(session)
        [send] = session.execute(select(Send)).scalars()
        assert (send.state, send.not_after > clock.now()) == ("running", True)
        assert run(Line()).sent == 1


def test_a_text_of_a_flow_is_sent_as_it_was_approved(session: Session, run: Callable[..., Any]) -> None:
    sending.account(session)
    begun(session, waiting(session, "sent", "Hello from a flow"))
    line = Line()
    run(line)
    assert [one.text for one in line.taken] == ["Hello from a flow"]


def test_who_waits_for_it_goes_on_when_it_was_delivered_and_not_before(
    session: Session, run: Callable[..., Any]
) -> None:
    account = sending.account(session)
    made = waiting(session, "delivered")
    begun(session, made)
    run(Line())
    walk(session)
    assert places(session, made) == {"did": 1}
    message = session.execute(select(Message)).scalar_one()
    named = reference.of(message.occurrence_id, message.id)
    told = Receipt("1", named, "theirs", ReceiptKind.DELIVERED, clock.now(), None)
    receipts.keep(session, account.id, account.organisation_id, [told])
    assert receipts.apply_some(session) == 1
    walk(session)
    assert places(session, made) == {"finished": 1}


@pytest.fixture
def carrier(session: Session) -> ProviderAccount:
    return sending.account(session, "sms", "carrier", base_url="http://127.0.0.1:1")


def test_who_waits_for_an_answer_goes_on_when_it_comes(session: Session, carrier: ProviderAccount) -> None:
    made = waiting(session, "replied")
    begun(session, made)
    said(session, carrier, "+972522000000", "Yes, call me")
    walk(session)
    assert places(session, made) == {"finished": 1}


def test_a_flow_begins_with_a_word_of_an_answer(session: Session, carrier: ProviderAccount) -> None:
    trigger = {"id": "trigger", "type": "message", "config": {"did": "replied", "contains": "loan"}}
    made = flow(session, step("wait", "wait", days=1), trigger=trigger)
    one, _ = people.contacts(session, 2)
    said(session, carrier, "+972522000000", "Tell me about the LOAN")
    said(session, carrier, "+972522000001", "Tell me about the card", key="2")
    walk(session)
    assert session.execute(select(FlowRun.contact_id)).scalars().all() == [one]
    assert places(session, made) == {"wait": 1}


def unreached(session: Session, did: str = "opened", step_of: str | None = "mail") -> tuple[Flow, UUID]:
    """A flow that waits for its text to be opened, and somebody who may not be written to."""
    text = sending.email_template(session)
    more = {"step": step_of} if step_of else {}
    made = flow(
        session, step("mail", "send_email", template_id=str(text.id)), step("did", "wait_for", WAYS, did=did, **more)
    )
    [one] = people.contacts(session, 1, consent=False)
    enter(session, made, [one])
    walk(session)
    return made, one


@pytest.mark.parametrize("step_of", ["mail", None])
@pytest.mark.parametrize("did", ["opened", "clicked", "delivered", "sent", "unsubscribed", "failed"])
def test_who_got_no_message_does_not_wait_for_its_opening(session: Session, did: str, step_of: str | None) -> None:
    made, one = unreached(session, did, step_of)
    assert places(session, made) == {"finished": 1}
    assert "passed did timeout" in path(session, run_of(session, one).id)
    by = people.staff(session, "auditor")
    said_ = [spoken(line.said, str) for line in log.of_run(session, run_of(session, one).id, by=by)]
    assert "Did not wait: no message this could happen to (No consent)" in said_


def test_an_answer_to_no_text_in_particular_is_waited_for_all_the_same(session: Session) -> None:
    made, _ = unreached(session, "replied", None)
    assert places(session, made) == {"did": 1}


def test_who_waits_for_a_message_of_a_step_he_did_not_come_to_goes_on(session: Session) -> None:
    text = sending.email_template(session)
    made = flow(
        session,
        step("who", "split", [branch("nobody", step("mail", "send_email", template_id=str(text.id)), when=NOBODY), branch("else")]),
        step("did", "wait_for", WAYS, did="opened", step="mail"),
    )  # fmt: skip
    enter(session, made, people.contacts(session, 1))
    walk(session)
    assert places(session, made) == {"finished": 1}


def fails(session: Session, account: ProviderAccount, kind: ReceiptKind = ReceiptKind.UNDELIVERABLE) -> None:
    """A receipt says that the first message was not delivered."""
    message = session.execute(select(Message).order_by(Message.created_at).limit(1)).scalar_one()
    named = reference.of(message.occurrence_id, message.id)
    told = Receipt("1", named, "theirs", kind, clock.now(), Category.INVALID_NUMBER)
    receipts.keep(session, account.id, account.organisation_id, [told])
    assert receipts.apply_some(session) == 1


def test_who_waits_for_a_bounce_goes_its_way_also_when_the_failure_is_heard_first(
    session: Session, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    account = sending.account(session)
    made = waiting(session, "bounced")
    one = begun(session, made)
    session.execute(update(Send).values(tells=["failed", "bounced"]))
    run(Line())
    fails(session, account, ReceiptKind.FAILED)
    monkeypatch.setattr(hearing, "AT_ONCE", 1)
    walk(session)
    assert places(session, made) == {"finished": 1}
    assert "passed did happened" in path(session, run_of(session, one).id)


def test_who_waits_for_the_opening_of_a_message_that_fails_goes_on_then(
    session: Session, run: Callable[..., Any]
) -> None:
    account = sending.account(session)
    made = waiting(session, "clicked")
    one = begun(session, made)
    run(Line())
    walk(session)
    assert places(session, made) == {"did": 1}
    fails(session, account)
    walk(session)
    assert places(session, made) == {"finished": 1}
    assert "passed did timeout" in path(session, run_of(session, one).id)


def test_who_has_another_message_on_its_way_waits_on(session: Session, run: Callable[..., Any]) -> None:
    account = sending.account(session)
    texts = [sending.sms_template(session, name) for name in ("One", "Two")]
    made = flow(
        session,
        *(step(f"sms{n}", "send_sms", template_id=str(one.id)) for n, one in enumerate(texts)),
        step("did", "wait_for", WAYS, did="clicked"),
    )
    enter(session, made, people.contacts(session, 1))
    walk(session)
    run(Line())
    fails(session, account)
    walk(session)
    assert places(session, made) == {"did": 1}
