"""Marketing without its marks cannot be submitted, whoever wants it."""

import pytest
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Invalid
from app.domain.access.models import Organisation
from app.domain.campaigns import drafts, lifecycle, plan
from app.domain.campaigns.drafts import CampaignInput
from app.domain.campaigns.models import Campaign
from tests.factories import people, sending

AD = "Advertisement. Hello. {{ unsubscribe_url }}"


@pytest.fixture
def by(session: Session, organisation: Organisation) -> Actor:
    people.contacts(session, 2)
    return people.staff(session, "marketer")


def a_draft(session: Session, body: str, by: Actor, sender: str = "CARILLON") -> Campaign:
    sending.account(session).sender = sender
    template = sending.sms_template(session, body)
    return drafts.create(session, CampaignInput(name="Offer", sms_template_id=template.id), by=by)


@pytest.mark.parametrize("body", [AD.replace("Advertisement", ""), AD.replace("{{ unsubscribe_url }}", "")])
def test_without_a_mark_it_is_refused(session: Session, by: Actor, body: str) -> None:
    with pytest.raises(Invalid, match="has errors"):
        lifecycle.submit(session, a_draft(session, body, by).id, by=by)


def test_with_its_marks_the_approver_is_told_so(session: Session, by: Actor) -> None:
    campaign = lifecycle.submit(session, a_draft(session, AD, by).id, by=by)
    assert campaign.plan is not None
    assert campaign.plan["channels"][0]["marked_in"] == ["en"]


@pytest.mark.parametrize(("body", "marked"), [(AD, []), (f"{AD} {{{{ organisation.name }}}}", ["en"])])
def test_from_a_number_the_text_names_the_advertiser(session: Session, by: Actor, body: str, marked: list[str]) -> None:
    worked_out = plan.make(session, a_draft(session, body, by, sender="+972520000000"))
    assert worked_out.channels[0].marked_in == marked
