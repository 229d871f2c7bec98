"""Who is restricted after a message was made for him gets nothing: the gate before the wire looks again."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.access.models import Organisation
from app.domain.consent import restrictions
from app.domain.consent.models import RestrictionFeed
from app.domain.consent.restrictions import Restriction
from app.domain.contacts.models import Contact
from tests.domain.messages.line import Line, Run, states
from tests.factories import people, sending


@pytest.fixture
def contacts(session: Session, organisation: Organisation) -> list[UUID]:
    assert organisation
    sending.account(session)
    return people.contacts(session, 3)


def flag(session: Session, contact_id: UUID, name: str) -> None:
    number = session.execute(select(Contact.external_id).where(Contact.id == contact_id)).scalar_one()
    assert number
    restrictions.keep(session, [Restriction(number, name, None)], clock.now())


@pytest.mark.parametrize(
    ("message_class", "ends"),
    [("service", {"sent": 2, "restricted": 1}), ("marketing", {"sent": 1, "restricted": 2})],
)
def test_a_flag_that_came_meanwhile_is_seen_just_before_the_wire(
    session: Session, run: Run, contacts: list[UUID], message_class: str, ends: dict[str, int]
) -> None:
    sending.send_to_everybody(session, sending.sms_template(session, **text_of(message_class)), uuid4())
    flag(session, contacts[0], "deceased")
    flag(session, contacts[1], "collections")
    run(Line())
    assert states(session) == ends


@pytest.mark.parametrize(
    ("message_class", "ends"), [("service", {"sent": 3}), ("marketing", {"restriction_feed_stale": 3})]
)
def test_a_feed_that_became_too_old_meanwhile_stops_marketing(
    session: Session, run: Run, contacts: list[UUID], message_class: str, ends: dict[str, int]
) -> None:
    send = sending.send_to_everybody(session, sending.sms_template(session, **text_of(message_class)), uuid4())
    then = clock.now() - timedelta(hours=25)
    session.add(
        RestrictionFeed(organisation_id=send.organisation_id, state="taken", due_at=then, asked_at=then, fed_at=then)
    )
    session.flush()
    line = Line()
    run(line)
    assert states(session) == ends
    assert len(line.taken) == ends.get("sent", 0)


def text_of(message_class: str) -> dict[str, str]:
    return {"message_class": message_class}
