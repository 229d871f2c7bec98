"""/campaigns from outside: who is written to."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from app.domain.contacts.models import Contact, Group
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning
from tests.web.conftest import campaigns, page_app, page_settings
from tests.web.test_campaigns import FORM, shown

__all__ = ["campaigns", "page_app", "page_settings"]


@pytest.fixture
def group(campaigns: Campaigning) -> str:
    """A group of three, one of them without consent."""
    marketer = Caller(campaigns.bank, "marketer")
    for number in ("2", "3", "13"):
        with campaigns.bank.unit() as session:
            contact = session.execute(select(Contact.id).where(Contact.external_id == number)).scalar_one()
        marketer.data("PATCH", f"/contacts/{contact}", {"groups": ["Branch 12"]})
    with campaigns.bank.unit() as session:
        return str(session.execute(select(Group.id)).scalar_one())


def made(campaigns: Campaigning, audience: dict[str, Any]) -> dict[str, Any]:
    body = {"name": "To a branch", "sms_template_id": str(campaigns.template_id), "audience": audience}
    found: dict[str, Any] = Caller(campaigns.bank, "marketer").data("POST", "/campaigns", body)
    return found


def falls(campaigns: Campaigning, campaign: dict[str, Any]) -> dict[str, int]:
    submitted = Caller(campaigns.bank, "marketer").data("POST", f"/campaigns/{campaign['id']}/submit")
    found: dict[str, int] = submitted["plan"]["channels"][0]["waterfall"]
    return found


def test_the_people_of_groups_are_an_audience(campaigns: Campaigning, group: str) -> None:
    campaign = made(campaigns, {"groups": [group]})
    assert campaign["audience"] == {"segments": [], "groups": [group], "exclude": []}
    assert falls(campaigns, campaign) == {"matched": 3, "no_consent": 1, "will_receive": 2}


def test_somebody_of_a_group_and_a_segment_gets_it_once(campaigns: Campaigning, group: str) -> None:
    definition = {
        "version": 1, "zone": "organisation",
        "where": {"all": [{"kind": "field", "field": "external_id", "op": "in", "value": ["3", "4"]}]},
    }  # fmt: skip
    marketer = Caller(campaigns.bank, "marketer")
    segment = marketer.data("POST", "/segments", {"name": "Two", "definition": definition})["id"]
    both = made(campaigns, {"groups": [group], "segments": [segment]})
    assert falls(campaigns, both) == {"matched": 4, "no_consent": 1, "will_receive": 3}
    less = made(campaigns, {"groups": [group], "exclude": [segment]})
    assert falls(campaigns, less) == {"matched": 2, "no_consent": 1, "will_receive": 1}


def test_a_group_that_is_not_there_is_refused_at_its_field(campaigns: Campaigning) -> None:
    body = {"name": "To nobody", "audience": {"groups": [str(uuid4())]}}
    refused = Caller(campaigns.bank, "marketer")("POST", "/campaigns", body)
    assert refused.status_code == 422
    assert refused.get_json()["error"]["details"][0]["field"] == "audience.groups"


def test_the_page_shows_and_keeps_what_the_api_chose(campaigns: Campaigning, group: str) -> None:
    campaign = made(campaigns, {"groups": [group]})
    marketer, place = campaigns.bank.browser("marketer"), f"/campaigns/{campaign['id']}"
    assert "group Branch 12" in shown(marketer.get(place))
    page = marketer.get(f"{place}/edit").get_data(as_text=True)
    assert f'<option selected value="{group}">Branch 12' in page
    assert "People of some segments or groups" in page
    values = {**FORM, "name": "Renamed", "who": "segments", "groups": group, "version": "1"}
    values["sms_template_id"] = str(campaigns.template_id)
    assert marketer.post(f"{place}/edit", values).status_code == 303
    kept = Caller(campaigns.bank, "marketer").data("GET", place)
    assert (kept["name"], kept["audience"]["groups"]) == ("Renamed", [group])
    marketer.post(f"{place}/submit")
    assert "group Branch 12" in shown(campaigns.bank.browser("admin").get(f"{place}/review"))
