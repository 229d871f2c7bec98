"""STOP by SMS ends marketing at once; anything else changes nothing."""

import json
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Forbidden
from app.core.page import Ask
from app.domain.consent import ledger
from app.domain.consent.models import ConsentEntry, Suppression
from app.domain.contacts.models import Contact
from app.domain.messages import replies
from app.domain.messages.stopping import says_stop
from app.domain.providers import accounts
from app.domain.providers.models import ProviderAccount
from app.gateways import signature
from app.gateways.channels.events import SIGNATURE
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import open_channel
from tests.factories import people, sending

OPEN = partial(open_channel, guard=Guard.everybody(), allow_private=True)


STOPS = [
    "STOP", " stop. ", "Stop!", "הסר", "הסירו אותי", "СТОП", "توقف", "Unsubscribe", "opt out", "cancel", "די",
    "הסר אותי", "הסר אותי מהרשימה", "תסיר אותי", "תסירי", "להסיר", "הסרה מרשימה", "הסר תודה", "הָסֵר", "Stop. Thank you",
    "Please stop", "STOP please", "stop it", "remove me", "Unsubscribe me", "revoke", "Stop\n\nSent from my iPhone",
    "\u200fהסר\u200f", "נא להסיר", "пожалуйста отпишите меня", "не присылайте", "لو سمحت توقف", "تَوَقَّف", "STOP ALL", "قف",
]  # fmt: skip


@pytest.mark.parametrize("text", STOPS)
def test_words_that_end_it(text: str) -> None:
    assert says_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "Do not stop", "stopping by tomorrow", "תודה", "?", "please stop calling my bus stop", "cancel my card please",
        "When does the offer end?", "Call me please", "אל תפסיקו", "I want to stop by the branch tomorrow at ten and ask about it",
        "תודה רבה, מתי אפשר לבטל את הכרטיס?", "не отменяйте",
    ],
)  # fmt: skip
def test_words_that_do_not(text: str) -> None:
    assert not says_stop(text)


@pytest.fixture
def account(session: Session, organisation: object) -> ProviderAccount:
    assert organisation
    return sending.account(session, "sms", "carrier", base_url="http://127.0.0.1:1")


def said(
    session: Session, account: ProviderAccount, sender: str, words: str, secret: str = "", key: str = "1"
) -> int | None:
    event = {
        "event_id": key,
        "from": sender,
        "to": "CARILLON",
        "text": words,
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    body = json.dumps({"events": [event]}).encode()
    signed = signature.sign(secret or accounts.secret_of(session, account), body, clock.now())
    return replies.receive(session, account.id, {SIGNATURE: signed}, body, open_channel=OPEN)


def test_everybody_with_the_number_is_left_alone(session: Session, account: ProviderAccount) -> None:
    one, other = people.contacts(session, 1)[0], people.contacts(session, 1, prefix="family-")[0]
    for _ in range(2):
        assert said(session, account, "+972522000000", "STOP") == 1
    session.flush()
    assert [ledger.states(session, who)["sms"] for who in (one, other)] == ["withdrawn", "withdrawn"]
    assert ledger.states(session, one)["email"] == "granted"
    assert [row.source for row in session.execute(select(Suppression)).scalars()] == ["reply"]
    withdrawn = session.execute(select(ConsentEntry).where(ConsentEntry.state == "withdrawn")).scalars().all()
    assert len(withdrawn) == 2


def test_thanks_change_nothing(session: Session, account: ProviderAccount) -> None:
    people.contacts(session, 1)
    assert said(session, account, "+972522000000", "Thank you!") == 1
    assert session.execute(select(Suppression)).first() is None


def test_what_is_not_understood_waits_for_a_person(session: Session, account: ProviderAccount) -> None:
    contact_id = people.contacts(session, 1)[0]
    for _ in range(2):
        said(session, account, "052-2000000", "Call me please", key="k1")
    said(session, account, "+972529999999", "Who is this?", key="k2")
    said(session, account, "+972522000000", "stop", key="k3")
    said(session, account, "+972522000000", "stop the card", key="k4")
    operator, viewer = people.staff(session, "operator"), people.staff(session, "viewer")
    waiting = replies.listed(session, Ask(), by=operator).items
    words = replies.words(session, waiting, by=operator)
    assert [words[row.id].text for row in waiting] == ["stop the card", "Who is this?", "Call me please"]
    assert [row.contact_id for row in waiting] == [contact_id, None, contact_id]
    assert len(replies.listed(session, Ask(), by=operator, is_open=False, contact_id=contact_id).items) == 3
    assert {one.text for one in replies.words(session, waiting, by=viewer).values()} == {"•••"}
    replies.handle(session, waiting[0].id, by=operator)
    assert session.execute(replies.number_waiting()).scalar_one() == 2
    with pytest.raises(Forbidden):
        replies.handle(session, waiting[1].id, by=viewer)
    stored = session.execute(text("SELECT string_agg(encode(sealed, 'escape'), ' ') FROM replies")).scalar_one()
    assert "Call me" not in stored
    session.get_one(Contact, contact_id).key = b"destroyed"
    session.flush()
    assert replies.words(session, waiting, by=operator)[waiting[2].id].text == ""


def test_a_forged_stop_is_not_believed(session: Session, account: ProviderAccount) -> None:
    assert said(session, account, "+972522000000", "STOP", secret="somebody else") is None
