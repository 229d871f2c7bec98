"""What a message said can be shown as it was sent, whatever became of contact, template or settings; erasure takes it along."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.core.errors import Forbidden
from app.core.links import Target
from app.domain.access.models import Organisation
from app.domain.audit.models import AuditEntry
from app.domain.contacts import profile
from app.domain.contacts.models import Contact
from app.domain.content import library, render
from app.domain.content.models import Template
from app.domain.messages import message_text, tracking
from app.domain.messages.models import Attempt, Message
from tests.domain.messages.line import Line, Run
from tests.domain.messages.test_tracking import AGENT, in_two_languages
from tests.factories import people, sending

SMS = 'Advertisement. Hello {{ contact.first_name | default: "customer" }}, to stop: {{ unsubscribe_url }}'


@pytest.fixture
def by(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "marketer")


def sent(session: Session, run: Run, template: Template, channel: str, **given: object) -> tuple[Message, Line]:
    people.contacts(session, 1, **given)
    sending.account(session, channel)
    sending.send_to_everybody(session, template, uuid4())
    line = Line()
    run(line, channel)
    session.expire_all()
    return session.execute(select(Message)).scalar_one(), line


def change_everything(session: Session, contact_id: UUID, template: Template) -> None:
    by = system(template.organisation_id)
    known = profile.input_of(session, profile.get(session, contact_id, by=by))
    other = {"first_name": "Rina", "language": "he", "phone": "+972522999999", "email": "rina@mail.example"}
    profile.update(session, contact_id, known.model_copy(update=other), by=by)
    new = library.as_input(session, template)
    changed = {
        name: one.model_copy(update={"body": one.body.replace("Hello", "Bye")}) for name, one in new.texts.items()
    }
    library.update(session, template.id, new.model_copy(update={"texts": changed}), by=by)
    session.execute(text("UPDATE organisations SET name = 'Second Bank'"))
    session.expire_all()


def test_an_sms_is_shown_exactly_as_it_was_sent(session: Session, run: Run, by: Actor) -> None:
    template = sending.sms_template(session, SMS)
    message, line = sent(session, run, template, "sms")
    change_everything(session, message.contact_id, template)
    shown = message_text.of(session, message, by=by, reveal=True)
    assert shown is not None
    assert (shown.body, shown.to, shown.sender) == (line.taken[0].text, "+972522000000", "CARILLON")
    assert shown.is_proved
    session.commit()
    look = session.execute(select(AuditEntry).where(AuditEntry.action == "contact.revealed")).scalar_one()
    assert (look.subject_id, look.after) == (str(message.contact_id), {"message": str(message.id)})


def test_an_email_is_made_again_and_proved(session: Session, run: Run, by: Actor) -> None:
    template = sending.email_template(session)
    message, _ = sent(session, run, template, "email")
    change_everything(session, message.contact_id, template)
    shown = message_text.of(session, message, by=by, reveal=True)
    assert shown is not None
    assert shown.is_proved
    assert "Dear Dana0" in shown.body
    assert "Advertisement, Bank of the Tests" in shown.body
    assert "/c/" not in shown.html
    assert "/o/" not in shown.html, "looking at it is no opening"


def test_it_is_masked_unless_somebody_may_see_it_and_asks(session: Session, run: Run, by: Actor) -> None:
    message, line = sent(session, run, sending.sms_template(session, SMS), "sms")
    shown = message_text.of(session, message, by=people.staff(session, "viewer"))
    assert shown is not None
    assert "Hello D•••," in shown.body
    assert (line.taken[0].text or "")[-8:] not in shown.body, "the link would unsubscribe the person"
    assert "2000000" not in shown.to
    with pytest.raises(Forbidden):
        message_text.of(session, message, by=people.staff(session, "operator", "olga"), reveal=True)


def test_what_was_tampered_with_is_not_claimed(session: Session, run: Run, by: Actor) -> None:
    template = sending.sms_template(session, SMS)
    message, _ = sent(session, run, template, "sms")
    version = library.current(session, template)
    version.texts = {"en": {**version.texts["en"], "body": SMS.replace("Hello", "Bye")}}
    session.flush()
    render._kept.cache_clear()
    shown = message_text.of(session, message, by=by, reveal=True)
    assert shown is not None
    assert not shown.is_proved


def test_erasing_a_person_takes_his_messages_along(session: Session, run: Run, by: Actor) -> None:
    message, _ = sent(session, run, sending.sms_template(session, SMS), "sms")
    sealed = session.execute(select(Attempt.sealed)).scalar_one()
    assert sealed is not None
    assert b"Dana" not in sealed
    session.get_one(Contact, message.contact_id).key = b"destroyed"
    session.flush()
    assert message_text.of(session, message, by=by, reveal=True) is None


def test_the_links_of_a_letter_go_on_working_whatever_language_its_reader_speaks_now(
    session: Session, run: Run, by: Actor
) -> None:
    template = in_two_languages(session)
    message, _ = sent(session, run, template, "email", language="he")
    change_everything(session, message.contact_id, template)
    profile.update(
        session,
        message.contact_id,
        profile.input_of(session, profile.get(session, message.contact_id, by=by)).model_copy(
            update={"language": "en"}
        ),
        by=by,
    )
    target = Target("c", message.organisation_id, message.occurrence_id, message.id)
    links = [tracking.clicked(session, replace(target, index=index), AGENT) for index in (0, 1)]
    assert links == ["https://he.bank.example/first", "https://he.bank.example/offer?a=1&b=2"]
    reader = tracking.reader(session, target)
    assert reader is not None
    assert reader.language == "he"
