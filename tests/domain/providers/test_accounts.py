"""Accounts with providers: what may be kept as sender and settings."""

import pytest
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.core.errors import Invalid
from app.core.unit import settings_of
from app.domain.access.models import Organisation
from app.domain.providers import accounts
from app.domain.providers.accounts import AccountInput

SMTP: dict[str, object] = {"host": "mail.bank.example"}


@pytest.fixture
def by(session: Session, organisation: Organisation) -> Actor:
    return system(organisation.id)


def relay(sender: str = "news@bank.example", **config: object) -> AccountInput:
    return AccountInput(name="Relay", kind="smtp", channel="email", config={**SMTP, **config}, sender=sender)


def carrier(sender: str) -> AccountInput:
    config: dict[str, object] = {"base_url": "https://carrier.example"}
    return AccountInput(name="Carrier", kind="carrier", channel="sms", config=config, secret="token", sender=sender)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("news@bank.example", "news@bank.example"),
        ("<news@bank.example>", "news@bank.example"),
        ("Bank, Ltd. <news@bank.example>", "Bank, Ltd. <news@bank.example>"),
        ('"Bank, Ltd." <news@bank.example>', "Bank, Ltd. <news@bank.example>"),
        ('בנק בע"מ <news@bank.example>', 'בנק בע"מ <news@bank.example>'),
        ("Bank <news@בנק.example>", "Bank <news@xn--5db4av.example>"),
        ("Bank\nBcc: x <news@bank.example>", "Bank Bcc: x <news@bank.example>"),
    ],
)
def test_an_email_sender_is_an_address_and_perhaps_a_name(session: Session, by: Actor, given: str, kept: str) -> None:
    account = accounts.create(session, relay(given), by=by)
    assert account.sender == kept
    assert accounts.update(session, account.id, relay(account.sender), by=by).sender == kept


@pytest.mark.parametrize(
    "sender", ["בנק", "Bank", "Bank <news>", "Bank <>", "news@bank", "x <a@b.example> <c@d.example>"]
)
def test_a_name_without_an_address_is_no_sender(session: Session, by: Actor, sender: str) -> None:
    with pytest.raises(Invalid, match="Give an e-mail address") as refused:
        accounts.create(session, relay(sender), by=by)
    assert refused.value.details[0].field == "sender"
    account = accounts.create(session, relay(), by=by)
    with pytest.raises(Invalid):
        accounts.update(session, account.id, relay(sender), by=by)


@pytest.mark.parametrize("sender", ["BANK", "Bank2", "A" * 11, "+972501234567", "0501234567", "2525"])
def test_an_sms_sender_is_a_short_word_or_a_number(session: Session, by: Actor, sender: str) -> None:
    assert accounts.create(session, carrier(sender), by=by).sender == sender


@pytest.mark.parametrize("sender", ["בנק", "A" * 12, "My Bank", "+BANK", "+12", "1" * 16, "Bank <news@bank.example>"])
def test_no_carrier_takes_anything_else(session: Session, by: Actor, sender: str) -> None:
    with pytest.raises(Invalid, match="up to 11"):
        accounts.create(session, carrier(sender), by=by)


def test_an_empty_callback_address_is_our_own_also_after_a_change(session: Session, by: Actor) -> None:
    account = accounts.create(session, relay(), by=by)
    own = f"{settings_of(session).base_url}/api/v1/inbound/smtp/{account.id}/receipts"
    assert account.config["callback_url"] == own
    theirs = "https://hooks.bank.example/receipts"
    assert accounts.update(session, account.id, relay(callback_url=theirs), by=by).config["callback_url"] == theirs
    assert accounts.update(session, account.id, relay(), by=by).config["callback_url"] == own
