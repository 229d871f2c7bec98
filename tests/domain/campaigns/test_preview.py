"""What the people of an audience will get, shown to whoever decides: nothing of them in clear."""

import pytest
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.domain.access.models import Organisation
from app.domain.campaigns import drafts, preview
from app.domain.campaigns.drafts import CampaignInput
from app.domain.contacts import profile, properties
from app.domain.contacts.profile import ContactInput
from app.domain.contacts.properties import PropertyInput
from tests.factories import people, sending


@pytest.fixture
def by(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "marketer")


def sampled(session: Session, by: Actor, body: str) -> preview.Text:
    """The text as the one person of the audience gets it."""
    properties.define(session, PropertyInput(key="id_number", is_pii=True), by=by)
    properties.define(session, PropertyInput(key="debt", type="number", is_pii=True), by=by)
    properties.define(session, PropertyInput(key="branch"), by=by)
    known = {"id_number": "039618742", "debt": 7, "branch": "Haifa"}
    new = {"external_id": "1", "phone": "+972522000001", "first_name": "Noa", "properties": known}
    profile.create(session, ContactInput.model_validate(new), by=by)
    template = sending.sms_template(session, body)
    campaign = drafts.create(session, CampaignInput(name="Debts", sms_template_id=template.id), by=by)
    [text] = preview.samples(session, campaign, by=by)
    return text


def test_personal_properties_are_masked_like_names(session: Session, by: Actor) -> None:
    person = "{{ contact.first_name }} {{ contact.properties.id_number }}"
    facts = "{{ contact.properties.debt | money }} {{ contact.properties.branch }}"
    assert sampled(session, by, f"{person} {facts}").body == "N••• ••• ••• Haifa"


@pytest.mark.parametrize(
    "body",
    [
        "{% if contact.properties.debt > 5 %}Pay{% else %}Thanks{% endif %}",
        "{{ contact.properties.debt | times: 2 | plus: 1 }}",
        "{{ contact.properties.id_number | slice: 0, 3 }}",
        "{{ 100 | divided_by: contact.properties.debt }}",
    ],
)
def test_a_text_that_reckons_with_them_is_no_broken_text(session: Session, by: Actor, body: str) -> None:
    text = sampled(session, by, body)
    assert text.error is None
    assert text.units > 0
    assert not {"7", "039", "14"} & set(text.body.split())
