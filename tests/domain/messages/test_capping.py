"""Nobody gets more marketing than the organisation allows: not when messages are made, not at the gate, and it says by what."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.domain.access.models import Organisation
from app.domain.messages import capping, listing, policy
from app.domain.messages.models import Message, Send
from app.domain.messages.totals import of_source
from tests.domain.messages.line import Line, Run, states
from tests.factories import people, sending

Caps = dict[str, tuple[int, int]]


@pytest.fixture
def contacts(session: Session, organisation: Organisation) -> list[UUID]:
    assert organisation
    sending.account(session)
    sending.account(session, "email")
    return people.contacts(session, 3)


def allow(session: Session, **caps: tuple[int, int]) -> None:
    """So many in so many days."""
    row = session.execute(select(Organisation)).scalar_one()
    row.settings = {"caps": {name: {"most": most, "days": days} for name, (most, days) in caps.items()}}
    session.flush()


def send(session: Session, channel: str = "sms", message_class: str = "marketing", kind: str = "campaign") -> Send:
    text_of = sending.email_template if channel == "email" else sending.sms_template
    given = {"message_class": message_class} if channel == "sms" else {}
    return sending.send_to_everybody(session, text_of(session, **given), uuid4(), kind)


def had(session: Session, contact_id: UUID, days: float = 0, number: int = 1, **columns: str) -> None:
    """Somebody was sent marketing so many days ago; messages are turned into what `columns` say."""
    for _ in range(number):
        one = send(session, columns.pop("channel", "sms"), columns.pop("message_class", "marketing"))
        session.execute(
            text("DELETE FROM messages WHERE send_id = :send AND contact_id <> :who"),
            {"send": one.id, "who": contact_id},
        )
        session.execute(
            text("UPDATE messages SET state = :state, reason = NULL, rank = 50, sent_at = :at WHERE send_id = :send"),
            {"send": one.id, "state": columns.get("state", "sent"), "at": clock.now() - timedelta(days=days)},
        )


def reasons(session: Session, one: Send) -> dict[UUID, str]:
    session.expire_all()
    found = session.execute(select(Message).where(Message.send_id == one.id)).scalars()
    return {message.contact_id: message.reason or message.state for message in found}


def test_who_had_as_much_is_left_out_and_the_numbers_add_up(session: Session, contacts: list[UUID]) -> None:
    had(session, contacts[0], number=2)
    had(session, contacts[1])
    allow(session, together=(2, 7))
    one = send(session)
    assert reasons(session, one) == {contacts[0]: "frequency_cap", contacts[1]: "queued", contacts[2]: "queued"}
    [totals] = of_source(session, one.source_id)
    assert (totals.audience, totals.left_out, totals.to_send, totals.skips) == (3, 1, 2, {"frequency_cap": 1})
    everybody = select(Message.contact_id).where(Message.send_id == one.id)
    assert policy.waterfall(session, everybody, "sms", "marketing") == {
        "matched": 3,
        "frequency_cap": 1,
        "will_receive": 2,
    }


@pytest.mark.parametrize(("days", "ends"), [(6.99, "frequency_cap"), (7.01, "queued")])
def test_only_the_last_days_count(session: Session, contacts: list[UUID], days: float, ends: str) -> None:
    had(session, contacts[0], days)
    allow(session, together=(1, 7))
    assert reasons(session, send(session))[contacts[0]] == ends


@pytest.mark.parametrize(
    ("cap", "ends"), [("together", "frequency_cap"), ("sms", "queued"), ("email", "frequency_cap")]
)
def test_a_cap_is_of_one_channel_or_of_all(session: Session, contacts: list[UUID], cap: str, ends: str) -> None:
    had(session, contacts[0], channel="email")
    allow(session, **{cap: (1, 7)})
    assert reasons(session, send(session, "email" if cap == "email" else "sms"))[contacts[0]] == ends


@pytest.mark.parametrize("state", ["sending", "in_doubt", "undeliverable", "delivered"])
def test_what_may_have_reached_him_counts(session: Session, contacts: list[UUID], state: str) -> None:
    had(session, contacts[0], state=state)
    allow(session, together=(1, 7))
    assert reasons(session, send(session))[contacts[0]] == "frequency_cap"


@pytest.mark.parametrize("state", ["failed", "skipped", "cancelled", "queued"])
def test_what_has_not_does_not(session: Session, contacts: list[UUID], state: str) -> None:
    had(session, contacts[0], state=state)
    allow(session, together=(1, 7))
    assert reasons(session, send(session))[contacts[0]] == "queued"


def test_service_messages_and_tests_are_under_no_cap_and_use_none_up(
    session: Session, run: Run, contacts: list[UUID]
) -> None:
    assert contacts
    allow(session, together=(1, 7))
    for message_class, kind in (("service", "campaign"), ("marketing", "test")):
        for _ in range(2):
            send(session, message_class=message_class, kind=kind)
    run(Line())
    assert states(session) == {"sent": 12}
    send(session)
    run(Line())
    assert states(session) == {"sent": 15}


def test_the_gate_looks_again_at_what_was_sent_meanwhile(session: Session, run: Run, contacts: list[UUID]) -> None:
    assert contacts
    allow(session, sms=(1, 7))
    for _ in range(3):
        send(session)
    assert states(session) == {"queued": 9}
    line = Line()
    run(line)
    assert states(session) == {"sent": 3, "frequency_cap": 6}
    assert len({one.to for one in line.taken}) == len(line.taken) == 3


def test_two_of_one_window_to_one_person_are_counted_one_after_the_other(
    session: Session, run: Run, contacts: list[UUID]
) -> None:
    allow(session, together=(2, 7))
    one = send(session)
    columns = "organisation_id, occurrence_id, send_id, contact_id, channel, address_position, address_blind, state, rank, priority, due_at, created_at"
    for step in (1, 2):
        session.execute(
            text(
                f"INSERT INTO messages ({columns}, step) SELECT {columns}, :step FROM messages WHERE send_id = :send AND step = 0"
            ),
            {"step": step, "send": one.id},
        )
    run(Line())
    assert states(session) == {"sent": 2 * len(contacts), "frequency_cap": len(contacts)}


def test_a_cap_that_was_set_or_lifted_meanwhile_counts_as_it_is(
    session: Session, run: Run, contacts: list[UUID]
) -> None:
    had(session, contacts[0])
    send(session)
    allow(session, together=(1, 7))
    run(Line())
    assert states(session) == {"sent": 3, "frequency_cap": 1}
    allow(session)
    send(session)
    run(Line())
    assert states(session) == {"sent": 6, "frequency_cap": 1}


def test_a_message_names_the_cap_and_what_used_it_up(
    session: Session, contacts: list[UUID], organisation: Organisation
) -> None:
    by: Actor = system(organisation.id)
    had(session, contacts[0], days=8)
    had(session, contacts[0], days=2, number=2)
    had(session, contacts[0], days=1, channel="email")
    allow(session, sms=(2, 7), email=(1, 30), together=(9, 30))
    one = send(session)
    message = session.execute(
        select(Message).where(Message.send_id == one.id, Message.contact_id == contacts[0])
    ).scalar_one()
    had(session, contacts[0])  # what came later had nothing to do with it
    [used] = listing.evidence(session, message.id, by=by).caps
    assert (used.cap, used.number) == (capping.Cap("sms", 2, 7), 2)
    assert [other.channel for other in used.messages] == ["sms", "sms"]
    assert listing.evidence(session, used.messages[0].id, by=by).caps == []
