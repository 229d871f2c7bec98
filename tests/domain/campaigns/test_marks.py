"""Marketing without its marks cannot be submitted, whoever wants it."""

from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.core.errors import Invalid
from app.core.unit import actor_of
from app.domain.access.models import Organisation
from app.domain.campaigns import drafts, lifecycle, plan
from app.domain.campaigns.drafts import CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.contacts import profile
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


def named(session: Session, contact_id: UUID, first_name: str) -> None:
    by = system(actor_of(session).organisation_id)
    known = profile.input_of(session, profile.get(session, contact_id, by=by))
    profile.update(session, contact_id, known.model_copy(update={"first_name": first_name}), by=by)


def test_a_text_whose_values_double_its_parts_says_so_with_the_cost(session: Session, by: Actor) -> None:
    contacts = people.contacts(session, 2, start=2)
    body = AD.replace("Hello", "Hello {{ contact.first_name | default: 'customer' }}, " + "a" * 40)
    campaign = a_draft(session, body, by)
    assert [f.message for f in plan.make(session, campaign).channels[0].findings if "Unicode" in f.message] == []
    named(session, contacts[0], "דנה")
    named(session, contacts[1], "Anna\xa0Maria\u200f")
    channel = plan.make(session, campaign).channels[0]
    assert channel.parts == 5
    [found] = [f for f in channel.findings if "Unicode" in f.message]
    assert (found.level, found.values) == ("warning", {"parts": 1, "cost": "0.10 ILS"})


def test_one_person_whose_text_cannot_be_made_does_not_hide_the_plan(session: Session, by: Actor) -> None:
    slow = "{% if contact.external_id == '1' %}{% for a in (1..100) %}" + "{{ a | plus: 1 | plus: 1 }}" * 90
    campaign = a_draft(session, f"{AD}{slow}{{% endfor %}}{{% endif %}}", by)
    assert plan.make(session, campaign).channels[0].parts == 2
