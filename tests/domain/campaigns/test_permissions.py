"""What the pages of a campaign ask: nobody reads it without the permission, whichever door he comes through."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Forbidden
from app.domain.access.models import Organisation
from app.domain.campaigns import drafts, preview, results
from app.domain.campaigns.drafts import CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.messages import listing
from tests.factories import people, sending

Ask = Callable[..., Any]
OF_A_CAMPAIGN: list[Ask] = [
    preview.texts,
    partial(preview.email, language="en"),
    preview.samples,
    results.numbers,
    results.reach,
    results.held_until,
    results.over_time,
    results.links,
]
OTHERS: list[tuple[str, Ask]] = [
    ("campaigns:read", partial(results.progress, campaigns=[])),
    ("messages:read", listing.stalled),
    ("messages:read", listing.account_names),
    ("messages:read", partial(listing.sends_of, sends=[])),
]


@pytest.fixture
def campaign(session: Session, organisation: Organisation) -> Campaign:
    new = CampaignInput(name="Savings offer", email_template_id=sending.email_template(session).id)
    return drafts.create(session, new, by=people.staff(session, "marketer"))


@pytest.mark.parametrize("ask", OF_A_CAMPAIGN)
def test_what_a_campaign_shows_needs_the_permission_to_read_it(session: Session, campaign: Campaign, ask: Ask) -> None:
    ask(session, campaign, by=Actor(campaign.organisation_id, "key", permissions=frozenset({"campaigns:read"})))
    with pytest.raises(Forbidden):
        ask(session, campaign, by=Actor(campaign.organisation_id, "key", permissions=frozenset({"messages:read"})))


@pytest.mark.parametrize(("permission", "ask"), OTHERS)
def test_what_lists_show_needs_the_permission_to_read_it(
    session: Session, organisation: Organisation, permission: str, ask: Ask
) -> None:
    ask(session, by=Actor(organisation.id, "key", permissions=frozenset({permission})))
    with pytest.raises(Forbidden):
        ask(session, by=Actor(organisation.id, "key", permissions=frozenset({"segments:read"})))
