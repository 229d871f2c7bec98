"""Clicks and unsubscribes: the link that was in the mail, the address the mail went to."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.links import Target
from app.core.page import Ask
from app.domain.access.keyring import vault_of
from app.domain.access.models import Organisation
from app.domain.consent import ledger, suppression
from app.domain.consent.models import Suppression
from app.domain.contacts import profile
from app.domain.contacts.models import Contact
from app.domain.content import library
from app.domain.content.library import Said, TemplateInput
from app.domain.content.models import Template
from app.domain.messages import totals, tracking
from app.domain.messages.models import EngagementEvent, Message, Send
from tests.factories import people, sending

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"


def in_two_languages(session: Session) -> Template:
    """An e-mail whose Hebrew has links of its own, in its own order."""
    hebrew = sending.MJML.replace("www.bank.example/offer", "he.bank.example/offer").replace(
        "<mj-button", '<mj-button href="https://he.bank.example/first">First</mj-button><mj-button'
    )
    texts = {"en": Said(subject="An offer", body=sending.MJML), "he": Said(subject="הצעה", body=hebrew)}
    new = TemplateInput(name="In two languages", channel="email", texts=texts, fallback_language="en")
    return library.create(session, new, by=system(session.info["actor"].organisation_id))


def sent_to(session: Session, template: Template, kind: str) -> Target:
    sending.send_to_everybody(session, template, uuid4())
    message = session.execute(select(Message)).scalar_one()
    return Target(kind, message.organisation_id, message.occurrence_id, message.id)


@pytest.mark.parametrize(
    ("language", "first"),
    [
        ("he-IL", "https://he.bank.example/first"),
        ("he_IL", "https://he.bank.example/first"),
        ("he", "https://he.bank.example/first"),
        ("en-GB", "https://www.bank.example/offer?a=1&b=2"),
        ("fr", "https://www.bank.example/offer?a=1&b=2"),
        (None, "https://www.bank.example/offer?a=1&b=2"),
    ],
)
def test_a_click_leads_where_the_text_of_this_reader_led(
    session: Session, organisation: Organisation, language: str | None, first: str
) -> None:
    people.contacts(session, 1, language=language)
    target = sent_to(session, in_two_languages(session), "c")
    assert tracking.clicked(session, target, AGENT) == first
    trace = session.execute(select(EngagementEvent)).scalar_one()
    assert (trace.kind, trace.link, trace.who) == ("click", 0, "human")


def test_a_link_only_one_language_has_is_found_in_it(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1, language="he-IL")
    target = replace(sent_to(session, in_two_languages(session), "c"), index=1)
    assert tracking.clicked(session, target, AGENT) == "https://he.bank.example/offer?a=1&b=2"
    assert tracking.clicked(session, replace(target, index=2), AGENT) is None


def suppressed(session: Session) -> dict[bytes, str]:
    """The standing e-mail suppressions: blind index and address in clear."""
    rows = session.execute(select(Suppression)).scalars()
    return {row.blind: suppression.shown(session, row, by=session.info["actor"]) for row in rows}


def moved(session: Session, contact_id: UUID, email: str) -> None:
    by = system(session.info["actor"].organisation_id)
    before = profile.input_of(session, session.get_one(Contact, contact_id))
    profile.update(session, contact_id, before.model_copy(update={"email": email}), by=by)


def test_an_unsubscribe_suppresses_the_address_the_message_went_to(
    session: Session, organisation: Organisation
) -> None:
    (contact,) = people.contacts(session, 1)
    target = sent_to(session, sending.email_template(session), "u")
    assert tracking.unsubscribed(session, target, AGENT, ip="192.0.2.1")
    assert suppressed(session) == {vault_of(session).blind("email", "client0@mail.example"): "client0@mail.example"}
    assert ledger.states(session, contact)["email"] == "withdrawn"
    assert tracking.unsubscribed(session, target, AGENT, ip=None)
    assert len(suppressed(session)) == 1


def test_an_old_message_does_not_suppress_the_new_address(session: Session, organisation: Organisation) -> None:
    (contact,) = people.contacts(session, 1)
    target = sent_to(session, sending.email_template(session), "u")
    moved(session, contact, "new@mail.example")
    assert tracking.unsubscribed(session, target, AGENT, ip=None)
    old = vault_of(session).blind("email", "client0@mail.example")
    assert suppressed(session) == {old: ""}
    page = suppression.listed(session, Ask(), by=system(organisation.id), address="client0@mail.example")
    assert list(suppression.masked(session, page.items).values()) == ["•••"]
    assert ledger.states(session, contact)["email"] == "withdrawn"


def test_an_old_address_somebody_else_has_by_now_can_be_read(session: Session, organisation: Organisation) -> None:
    (contact,) = people.contacts(session, 1)
    target = sent_to(session, sending.email_template(session), "u")
    moved(session, contact, "new@mail.example")
    people.contacts(session, 1, prefix="child-")
    assert tracking.unsubscribed(session, target, AGENT, ip=None)
    assert list(suppressed(session).values()) == ["client0@mail.example"]


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (AGENT, "human"),
        (
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X18) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/88.0 Mobile Safari/537.36",
            "human",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Microsoft Outlook 16.0.12026; Pro)", "human"),
        ("Mozilla/5.0", "privacy"),
        ("Mozilla/5.0 (compatible; BarracudaCentral)", "robot"),
        ("Mozilla/5.0 (compatible; Proofpoint URL Defense)", "robot"),
        ("Mimecast", "robot"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36", "robot"),
        ("curl/8.5.0", "robot"),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "robot"),
        ("", "robot"),
        (None, "robot"),
    ],
)
def test_who_is_a_robot(agent: str | None, kind: str) -> None:
    assert tracking.who(agent) == kind
    assert tracking.who(agent, is_ahead=True) == "robot"


def test_the_same_visit_is_written_down_once_and_a_flood_ends(
    session: Session, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.contacts(session, 1)
    target = sent_to(session, sending.email_template(session), "o")
    for _ in range(5):
        tracking.opened(session, target, AGENT)
    assert len(session.execute(select(EngagementEvent)).all()) == 1
    tracking.clicked(session, replace(target, kind="c"), AGENT)
    monkeypatch.setattr(tracking, "MOST", 10)
    for number in range(30):
        tracking.opened(session, target, f"{AGENT} {number}")
    kinds = session.execute(select(EngagementEvent.kind)).scalars().all()
    assert (kinds.count("open"), kinds.count("click")) == (10, 1)


@pytest.mark.parametrize("kind", ["open", "click"])
@pytest.mark.parametrize(
    ("agent", "who", "counts"),
    [
        (AGENT, "human", True),
        ("Mozilla/5.0", "privacy", False),
        ("Mozilla/5.0 (compatible; BarracudaCentral)", "robot", False),
    ],
)
def test_what_a_mail_client_fetched_by_itself_was_not_read_by_anybody(
    session: Session, organisation: Organisation, kind: str, agent: str, who: str, counts: bool
) -> None:
    """It is kept, to be scored again later, and no number of a campaign grows by it."""
    people.contacts(session, 1)
    target = sent_to(session, sending.email_template(session), kind[0])
    (tracking.opened if kind == "open" else tracking.clicked)(session, target, agent)
    kept = session.execute(select(EngagementEvent)).scalar_one()
    assert (kept.kind, kept.who, kept.agent) == (kind, who, agent)
    session.expire_all()
    message = session.execute(select(Message)).scalar_one()
    assert (message.opened_at is not None) is counts
    assert (message.clicked_at is not None) is (counts and kind == "click")
    [numbers] = totals.of_source(session, session.get_one(Send, message.send_id).source_id)
    assert (numbers.opened, numbers.clicked) == (int(counts), int(counts and kind == "click"))


def test_a_person_who_reads_after_his_mail_client_has_read(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 1)
    target = sent_to(session, sending.email_template(session), "o")
    for agent in ("Mozilla/5.0", AGENT, AGENT):
        tracking.opened(session, target, agent)
    assert session.execute(select(EngagementEvent.who).order_by(EngagementEvent.at)).scalars().all() == [
        "privacy",
        "human",
    ]
    session.expire_all()
    assert session.execute(select(Message.opened_at)).scalar_one() is not None


def test_the_same_visit_again_is_one_until_ten_minutes_have_passed(
    session: Session, organisation: Organisation
) -> None:
    people.contacts(session, 1)
    target = sent_to(session, sending.email_template(session), "o")
    begun = clock.now()
    for minutes in (0, 9, 11):
        with clock.at(begun + timedelta(minutes=minutes)):
            tracking.opened(session, target, AGENT)
    assert len(session.execute(select(EngagementEvent)).scalars().all()) == 2
    session.expire_all()
    assert session.execute(select(Message.opened_at)).scalar_one() == begun, "the first time counts"
