"""Numbers that cannot be sent an SMS: left out before the sending, and never handed over."""

from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.core import phone
from app.core.actor import Actor, system
from app.core.db import live
from app.domain.access.models import Organisation
from app.domain.consent import suppression
from app.domain.contacts import lines, person, profile
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.contacts.profile import ContactInput
from app.domain.messages import masked_recipients, policy
from app.domain.messages.models import Message
from tests.domain.messages.line import Line, Run
from tests.factories import people, sending


@pytest.fixture
def by(session: Session, organisation: Organisation) -> Actor:
    return system(organisation.id)


@pytest.mark.parametrize(
    ("number", "takes"),
    [
        ("+972522345678", True),
        ("+97236123456", False),
        ("+9721800200300", False),
        ("+9721700123456", False),
        ("+972771234567", False),
        ("+972599123456", True),
        ("+442079460958", False),
        ("+447400123456", True),
        ("+12015550123", True),
        ("nobody", False),
    ],
)
def test_who_can_be_sent_an_sms(number: str, takes: bool) -> None:
    assert phone.takes_sms(number) is takes


def landlines(session: Session, by: Actor) -> list[Contact]:
    numbers = ("03-6123456", "1-800-200-300", "1700123456", "052-2345678")
    return [
        profile.create(session, ContactInput(external_id=f"LL{n}", phone=number), by=by)
        for n, number in enumerate(numbers)
    ]


def test_a_fixed_line_falls_out_of_sms_with_a_reason_of_its_own(session: Session, by: Actor) -> None:
    landlines(session, by)
    everybody = select(live(Contact).c.id)
    assert policy.waterfall(session, everybody, "sms", "service") == {"matched": 4, "not_mobile": 3, "will_receive": 1}
    assert policy.waterfall(session, everybody, "email", "service") == {"matched": 4, "no_address": 4}


def test_a_line_nobody_asked_about_yet_is_not_sent_to_either(session: Session, by: Actor, run: Run) -> None:
    contact = people.contacts(session, 2)[1]
    known = profile.person_of(session, session.get_one(Contact, contact))
    landline = profile.update(session, contact, ContactInput(external_id="x", phone="03-6123456"), by=by)
    assert profile.person_of(session, landline).phones != known.phones
    session.execute(update(ContactAddress).values(takes_sms=None))
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    line = Line()
    run(line)
    assert len(line.taken) == 1
    assert set(session.execute(select(Message.reason).where(Message.state == "skipped")).scalars()) == {"not_mobile"}


def test_upkeep_asks_about_the_lines_that_were_there_before(session: Session, by: Actor) -> None:
    landlines(session, by)
    session.execute(update(ContactAddress).values(takes_sms=None))
    assert (lines.ask(session), lines.ask(session)) == (4, 0)
    known = session.execute(text("SELECT takes_sms, count(*) FROM live.contact_addresses GROUP BY 1 ORDER BY 1")).all()
    assert [tuple(row) for row in known] == [(False, 3), (True, 1)]


def test_who_has_a_mobile_behind_a_landline_is_written_to_there(session: Session, by: Actor, run: Run) -> None:
    mobile, landline, other = "+972522345678", "+97236123456", "+972541234567"
    for n, numbers in enumerate(
        ([landline, mobile], [landline, landline.replace("6", "7"), other, mobile], [landline])
    ):
        having(session, by, f"P{n}", numbers)
    everybody = select(live(Contact).c.id)
    expected = {"matched": 3, "not_mobile": 1, "will_receive": 2}
    assert policy.waterfall(session, everybody, "sms", "service") == expected
    assert policy.waterfall(session, everybody, "email", "service") == {"matched": 3, "no_address": 3}
    sending.account(session)
    sending.send_to_everybody(session, sending.sms_template(session, message_class="service"), uuid4())
    made = select(Message.address_position, Message.state).order_by(Message.contact_id)
    assert [tuple(row) for row in session.execute(made)] == [(1, "queued"), (2, "queued"), (0, "skipped")]
    line = Line()
    run(line)
    assert sorted(message.to for message in line.taken) == [mobile, other]
    shown = masked_recipients.of(session, session.execute(everybody).scalars()).values()
    assert sorted(one.written_to["sms"] for one in shown) == sorted(map(phone.masked, (mobile, other, landline)))


def test_what_stops_the_mobile_stops_the_message(session: Session, by: Actor) -> None:
    having(session, by, "P", ["+97236123456", "+972522345678"])
    suppression.add(session, "+97236123456", channel="sms", reason="manual", by=by)
    everybody = select(live(Contact).c.id)
    assert policy.waterfall(session, everybody, "sms", "service") == {"matched": 1, "will_receive": 1}
    suppression.add(session, "+972522345678", channel="sms", reason="manual", by=by)
    assert policy.waterfall(session, everybody, "sms", "service") == {"matched": 1, "suppressed": 1}


def having(session: Session, by: Actor, external_id: str, numbers: list[str]) -> None:
    """A person with several phones."""
    contact = profile.create(session, ContactInput(external_id=external_id), by=by)
    known = profile.person_of(session, contact)
    person.seal_into(session, contact, replace(known, phones=tuple(numbers)))
