"""What the API says a caller can do, and that the pages say the same."""

from uuid import UUID

from app.domain.approvals import decisions
from app.domain.campaigns import resuming
from app.domain.campaigns.models import Campaign
from app.domain.campaigns.possible import possible
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning


def test_a_campaign_tells_its_actions_and_the_page_has_the_same_buttons(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    path = f"/campaigns/{campaign_id}"
    told = {
        role: set(Caller(campaigns.bank, role).data("GET", path)["actions"]) for role in ("marketer", "admin", "viewer")
    }
    assert {"edit", "withdraw", "clone"} <= told["marketer"]
    assert "approve" not in told["marketer"]
    assert told["viewer"] == set()
    pages = {role: campaigns.bank.browser(role).get(path).text for role in told}
    for verb, button in (
        ("edit", f'href="{path}/edit"'),
        ("withdraw", f'"{path}/withdraw"'),
        ("cancel", f'"{path}/cancel"'),
    ):
        for role, actions in told.items():
            assert (verb in actions) == (button in pages[role]), (role, verb)
    assert "Review and decide" in pages["admin"]
    assert "Review and decide" not in pages["viewer"]


def test_a_request_tells_its_actions_and_is_decided_where_it_belongs(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    admin, marketer = Caller(campaigns.bank, "admin"), Caller(campaigns.bank, "marketer")
    seen = campaigns.seen(campaign_id)
    assert admin.data("GET", f"/approvals/{seen}")["actions"] == [], "a campaign is decided on its own page"
    assert marketer("POST", f"/approvals/{seen}/withdraw").status_code == 409
    assert campaigns.state(campaign_id) == "in_review"
    with campaigns.bank.unit("admin") as session:
        by, campaign = campaigns.bank.staff["admin"], session.get_one(Campaign, campaign_id)
        assert "approve" in possible(session, campaign, by=by), "nothing happened to it"
    with campaigns.bank.unit("operator") as session:
        session.get_one(Campaign, campaign_id).state = "paused"
        asked = resuming.propose(session, campaign_id, by=campaigns.bank.staff["operator"]).id
    assert Caller(campaigns.bank, "operator").data("GET", f"/approvals/{asked}")["actions"] == ["withdraw"]
    assert "Take back" in campaigns.bank.browser("operator").get(f"/approvals/{asked}").text
    with campaigns.bank.unit("operator") as session:
        request = decisions.get(session, asked)
        assert decisions.possible(session, request, by=campaigns.bank.staff["operator"]) == {"withdraw"}
        assert decisions.possible(session, request, by=campaigns.bank.staff["owner"]) == {"approve", "reject"}
        assert decisions.possible(session, request, by=campaigns.bank.staff["viewer"]) == set()


def test_templates_and_segments_tell_theirs(campaigns: Campaigning) -> None:
    marketer, viewer = Caller(campaigns.bank, "marketer"), Caller(campaigns.bank, "viewer")
    path = f"/templates/{campaigns.template_id}"
    assert marketer.data("GET", path)["actions"] == ["archive", "duplicate", "edit", "restore", "test"]
    assert viewer.data("GET", path)["actions"] == []
    assert "/archive" not in campaigns.bank.browser("viewer").get(path).text
    made = marketer.data("POST", "/segments", {"name": "All", "definition": {"where": {"all": []}}})
    path = f"/segments/{UUID(made['id'])}"
    assert made["actions"] == ["archive", "duplicate", "edit", "recount"]
    assert viewer.data("GET", path)["actions"] == ["recount"]
    assert marketer("DELETE", path).status_code == 204
    assert marketer.data("GET", path)["actions"] == ["duplicate", "recount", "unarchive"]
    page = campaigns.bank.browser("marketer").get(path).text
    assert "Duplicate" in page
    assert f'"{path}/archive"' not in page
