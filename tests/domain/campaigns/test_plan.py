"""What an approval covers: the senders of the campaign's own channels, all that failover may use, and no others."""

import pytest
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.domain.access.models import Organisation
from app.domain.campaigns import drafts, pinned, plan
from app.domain.campaigns.drafts import CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.providers import accounts
from app.domain.providers.models import ProviderAccount
from tests.factories import people, sending


@pytest.fixture
def campaign(session: Session, organisation: Organisation) -> Campaign:
    """A campaign by e-mail only."""
    people.contacts(session, 2)
    template = sending.email_template(session)
    new = CampaignInput(name="News", email_template_id=template.id)
    return drafts.create(session, new, by=people.staff(session, "marketer"))


def account(session: Session, channel: str, name: str, sender: str = "") -> ProviderAccount:
    made = sending.account(session, channel)
    made.name, made.sender = name, sender or made.sender
    session.flush()
    return made


def digest(session: Session, campaign: Campaign) -> bytes:
    return pinned.digest(session, pinned.present(session, campaign))


@pytest.fixture
def by(organisation: Organisation) -> Actor:
    return system(organisation.id)


def test_an_account_of_another_channel_is_none_of_its_business(session: Session, campaign: Campaign, by: Actor) -> None:
    account(session, "email", "Relay")
    sms = account(session, "sms", "Carrier")
    approved = digest(session, campaign)
    accounts.set_enabled(session, sms.id, False, by=by)
    assert digest(session, campaign) == approved


def test_every_sender_that_may_be_used_was_approved(session: Session, campaign: Campaign, by: Actor) -> None:
    account(session, "email", "Relay")
    approved = digest(session, campaign)
    second = account(session, "email", "Second", "Somebody else <else@bank.example>")
    assert digest(session, campaign) != approved
    assert (
        plan.make(session, campaign).channels[0].sender == "Bank <news@bank.example>; Somebody else <else@bank.example>"
    )
    accounts.set_enabled(session, second.id, False, by=by)
    assert digest(session, campaign) == approved


def test_a_second_account_with_the_same_sender_may_come_and_go(session: Session, campaign: Campaign, by: Actor) -> None:
    first = account(session, "email", "Relay")
    account(session, "email", "Second")
    approved = digest(session, campaign)
    accounts.set_enabled(session, first.id, False, by=by)
    assert digest(session, campaign) == approved
