"""Two organisations over HTTP: what belongs to the other is not there."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import act_as, unit_of_work
from app.domain.access import keys, users
from app.domain.access.models import User
from app.domain.campaigns import drafts
from app.domain.campaigns.drafts import CampaignInput
from app.domain.segments import library
from app.domain.segments.library import SegmentInput
from app.factory import create_app
from tests.factories import people, sending

EVERYBODY = {"version": 1, "zone": "organisation", "where": {"all": []}}


@dataclass(frozen=True)
class Bank:
    """One organisation's things, by the address of each, and its marketer's key."""

    key: str
    places: tuple[str, ...]


def furnished(session: Session, name: str) -> Bank:
    organisation = users.create_organisation(session, users.NewOrganisation(name=name))
    marketer: Actor = people.staff(session, "marketer", name)
    user = session.get_one(User, marketer.id)
    act_as(session, system(organisation.id))
    key = keys.create(session, user, name="test", scopes=["*"], by=system(organisation.id))
    act_as(session, marketer)
    contact = people.contacts(session, 1)[0]
    template = sending.sms_template(session)
    segment = library.create(session, SegmentInput(name="All", definition=EVERYBODY), by=marketer)
    campaign = drafts.create(session, CampaignInput(name="A", sms_template_id=template.id), by=marketer)
    return Bank(
        key,
        (f"/contacts/{contact}", f"/templates/{template.id}", f"/segments/{segment.id}", f"/campaigns/{campaign.id}"),
    )


@pytest.fixture
def banks(own_settings: Settings) -> Iterator[tuple[FlaskClient, Bank, Bank]]:
    engine = make_engine(own_settings)
    factory = session_factory(engine, own_settings)
    made = []
    for name in ("north", "south"):
        with unit_of_work(factory, None) as session:
            made.append(furnished(session, name))
    yield create_app(own_settings).test_client(), made[0], made[1]
    engine.dispose()


def test_the_other_ones_things_are_not_there(banks: tuple[FlaskClient, Bank, Bank]) -> None:
    client, north, south = banks
    for mine, theirs in ((north, south), (south, north)):
        headers = {"Authorization": f"Bearer {mine.key}"}
        for place in mine.places:
            assert client.get(f"/api/v1{place}", headers=headers).status_code == 200, place
        for place in theirs.places:
            assert client.get(f"/api/v1{place}", headers=headers).status_code == 404, place
            assert client.patch(f"/api/v1{place}", headers=headers, json={}).status_code == 404, place
            assert client.delete(f"/api/v1{place}", headers=headers).status_code in (403, 404), place
        for noun in ("contacts", "templates", "segments", "campaigns"):
            assert len(client.get(f"/api/v1/{noun}", headers=headers).get_json()["data"]) == 1, noun


def test_the_other_ones_things_cannot_be_used(banks: tuple[FlaskClient, Bank, Bank]) -> None:
    client, north, south = banks
    headers = {"Authorization": f"Bearer {north.key}"}
    template = south.places[1].rsplit("/", 1)[1]
    answer = client.post("/api/v1/campaigns", headers=headers, json={"name": "x", "sms_template_id": template})
    assert (answer.status_code, answer.get_json()["error"]["details"][0]["field"]) == (422, "sms_template_id")
