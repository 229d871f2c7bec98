"""STOP by SMS ends marketing at once; anything else changes nothing."""

import json
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.consent import ledger
from app.domain.consent.models import ConsentEntry, Suppression
from app.domain.messages import replies
from app.domain.providers import accounts
from app.domain.providers.models import ProviderAccount
from app.gateways import signature
from app.gateways.channels.events import SIGNATURE
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import open_channel
from tests.factories import people, sending

OPEN = partial(open_channel, guard=Guard.everybody(), allow_private=True)


@pytest.mark.parametrize("text", ["STOP", " stop. ", "Stop!", "הסר", "להסרה? לא: הסר"[-3:], "הסירו אותי", "СТОП", "توقف", "Unsubscribe"])
def test_words_that_end_it(text: str) -> None:
    assert replies.says_stop(text)


@pytest.mark.parametrize("text", ["", "Do not stop", "stopping by tomorrow", "תודה", "?", "please stop calling my bus stop"])
def test_words_that_do_not(text: str) -> None:
    assert not replies.says_stop(text)


@pytest.fixture
def account(session: Session, organisation: object) -> ProviderAccount:
    assert organisation
    return sending.account(session, "sms", "carrier", base_url="http://127.0.0.1:1")


def said(session: Session, account: ProviderAccount, sender: str, text: str, secret: str = "") -> int | None:
    event = {"event_id": "1", "from": sender, "to": "CARILLON", "text": text, "occurred_at": datetime.now(UTC).isoformat()}
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


def test_a_forged_stop_is_not_believed(session: Session, account: ProviderAccount) -> None:
    assert said(session, account, "+972522000000", "STOP", secret="somebody else") is None
