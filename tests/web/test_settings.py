"""The organisation and its allowed hours in the browser and over the API; marketing waits for them."""

from typing import Any
from uuid import uuid4

from app.core import clock
from app.core.actor import system
from app.domain.access import keys
from app.domain.access.models import User
from app.domain.approvals import settings
from app.domain.calendar import hours
from app.domain.calendar.hours import CalendarInput
from app.domain.campaigns import launch, lifecycle
from app.domain.messages import sends
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown

CLOSED_NOW: dict[str, Any] = {"week": {}, "holidays": "", "days": []}
FORM = {
    "open_0": "y",
    "from_0": "10:00",
    "to_0": "18:00",
    "holidays": "y",
    "days": "2027-01-03 closed Stocktaking\n\n2027-01-04 9:00-12:00 Short",
}


def keep(campaigns: Campaigning, **given: Any) -> None:
    with campaigns.bank.unit() as session:
        by = system(campaigns.bank.organisation_id)
        hours.keep(session, CalendarInput.model_validate({**CLOSED_NOW, **given}), by=by)


def only_tomorrow(campaigns: Campaigning) -> None:
    """Nothing now; tomorrow all day."""
    tomorrow = clock.today("Asia/Jerusalem").toordinal() + 1
    day = type(clock.today("UTC")).fromordinal(tomorrow).isoformat()
    keep(campaigns, days=[{"day": day, "hours": {"opens": "00:00", "closes": "23:59"}}])


def test_marketing_waits_for_the_allowed_hours_and_author_and_approver_see_when(campaigns: Campaigning) -> None:
    only_tomorrow(campaigns)
    campaign_id = campaigns.submitted()
    for role in ("marketer", "admin"):
        for page in ("", "/review"):
            assert "Marketing waits for the allowed hours." in shown(
                campaigns.bank.browser(role).get(f"/campaigns/{campaign_id}{page}")
            )
    with campaigns.bank.unit("admin") as session:
        lifecycle.approve(session, campaign_id, by=campaigns.bank.staff["admin"])
    with campaigns.bank.unit() as session:
        launch.launch(session, campaign_id)
        assert not sends.is_due(session, "sms")
    campaigns.dispatch()
    assert len(campaigns.messages(state="queued")) == 12
    assert "It waits for the allowed hours" in shown(
        campaigns.bank.browser("marketer").get(f"/campaigns/{campaign_id}")
    )
    keep(campaigns, week={str(day): {"opens": "00:00", "closes": "23:59"} for day in range(7)})
    with campaigns.bank.unit() as session:
        assert sends.is_due(session, "sms")
    campaigns.dispatch()
    assert campaigns.messages(state="queued") == []


def test_without_any_allowed_hours_nothing_is_submitted(campaigns: Campaigning) -> None:
    keep(campaigns)
    campaign_id = campaigns.draft()
    marketer = campaigns.bank.browser("marketer")
    marketer.get(f"/campaigns/{campaign_id}")
    refused = marketer.post(f"/campaigns/{campaign_id}/submit", htmx=True)
    assert refused.status_code == 422
    assert "There are no allowed hours in the next 60 days" in shown(refused)


def test_two_owners_change_the_hours(campaigns: Campaigning) -> None:
    owner = campaigns.bank.browser("owner")
    assert "Allowed hours" in shown(owner.get("/settings/calendar"))
    for wrong, said in (
        ({"from_0": "18:00", "to_0": "10:00"}, "The end has to be later than the beginning"),
        ({"days": "tomorrow closed"}, "Line 1: write a day"),
        ({"days": "2027-01-03 closed\n2027-01-03 closed"}, "A day stands here twice"),
        ({"from_0": ""}, ""),
    ):
        refused = owner.post("/settings/calendar", {**FORM, **wrong})
        assert refused.status_code == 422, wrong
        assert said in shown(refused)
    asked = owner.post("/settings/calendar", FORM)
    assert asked.location.startswith("/approvals/")
    said = shown(owner.get(asked.location))
    assert "10:00-18:00" in said
    assert "Week › Monday" in said
    with campaigns.bank.unit() as session:
        assert hours.present(session) == hours.ALWAYS
    campaigns.granted("owner")
    page = shown(owner.get("/settings/calendar"))
    assert "Stocktaking" in page
    with campaigns.bank.unit() as session:
        kept = hours.present(session)
        assert kept.week["0"].plain == ("10:00", "18:00")
        assert [one.name for one in kept.days] == ["Stocktaking", "Short"]
    assert campaigns.bank.browser("viewer").get("/settings/calendar").status_code == 403


def test_two_owners_change_the_organisation(campaigns: Campaigning) -> None:
    owner = campaigns.bank.browser("owner")
    given = {
        "name": "First Bank",
        "locale": "he",
        "timezone": "Europe/Paris",
        "currency": "EUR",
        "percent": "10",
        "people": "50",
        "together_most": "3",
        "together_days": "7",
        "sms_most": "1",
        "sms_days": "2",
        "days_at_once": "4",
    }
    owner.get("/settings/organisation")
    for wrong, said in (
        ({"timezone": "Mars/Base"}, "no such time zone"),
        ({"currency": "XQX"}, "no such currency"),
        ({"percent": "101"}, ""),
        ({"sms_days": ""}, "Both numbers, or none."),
        ({"email_days": "5"}, "Both numbers, or none."),
        ({"together_most": "0"}, ""),
        ({"together_days": "367"}, ""),
        ({"days_at_once": "9"}, ""),
    ):
        refused = owner.post("/settings/organisation", {**given, **wrong})
        assert refused.status_code == 422
        assert said in shown(refused)
    assert owner.post("/settings/organisation", given).location.startswith("/approvals/")
    campaigns.granted("owner")
    with campaigns.bank.unit() as session:
        known = settings.organisation(session)
    assert known.caps.model_dump() == {"together": {"most": 3, "days": 7}, "sms": {"most": 1, "days": 2}, "email": None}
    assert 'name="together_days"' in (page := owner.get("/settings/organisation").text)
    assert page.split('id="together_days"')[1].split(">")[0].count('value="7"') == 1
    told = (known.name, known.timezone, known.currency, known.growth.people, known.days_at_once)
    assert told == ("First Bank", "Europe/Paris", "EUR", 50, 4)


def test_the_same_over_the_api(campaigns: Campaigning) -> None:
    bank = campaigns.bank
    with bank.unit() as session:
        user = session.get_one(User, bank.staff["owner"].id)
        key = keys.create(session, user, name=uuid4().hex, scopes=["*"], by=bank.staff["owner"])
    client, auth = bank.app.test_client(), {"Authorization": f"Bearer {key}"}
    assert client.get("/api/v1/calendars", headers=auth).get_json()["data"]["is_open"] is True
    asked = client.put("/api/v1/calendars", json=CLOSED_NOW, headers=auth)
    assert (asked.status_code, asked.get_json()["data"]["subject"]["kind"]) == (202, "calendar")
    refused = client.put("/api/v1/calendars", json={"week": {"0": {"opens": "9", "closes": "x"}}}, headers=auth)
    assert refused.status_code == 422
    campaigns.granted("owner")
    assert client.get("/api/v1/calendars", headers=auth).get_json()["data"]["next_open"] is None
    changed = client.patch("/api/v1/organisation", json={"currency": "USD"}, headers=auth)
    assert (changed.status_code, changed.get_json()["data"]["summary"]["after"]) == (202, {"currency": "USD"})
    assert client.get("/api/v1/organisation", headers=auth).get_json()["data"]["days_at_once"] == 1
    refused = client.patch("/api/v1/organisation", json={"days_at_once": 0}, headers=auth)
    assert (refused.status_code, refused.get_json()["error"]["details"][0]["field"]) == (422, "days_at_once")
