"""/flows from outside: from the draft to people who walk, by two people's keys."""

from typing import Any

import pytest
from sqlalchemy import select

from app.domain.contacts.models import Contact
from app.domain.flows import lifecycle
from tests.api.test_contacts import Caller
from tests.factories import sending
from tests.web.campaigning import Campaigning
from tests.web.conftest import campaigns, page_app, page_settings

__all__ = ["campaigns", "page_app", "page_settings"]


class Outside:
    """The marketer's key, a service text, everybody's ids."""

    def __init__(self, campaigns: Campaigning) -> None:
        self.bank = campaigns.bank
        self.maya = Caller(self.bank, "marketer")
        with self.bank.unit() as session:
            self.template = sending.sms_template(session, "Welcome.", message_class="service").id
            self.contacts = [
                str(i) for i in session.execute(select(Contact.id).order_by(Contact.id).limit(3)).scalars()
            ]

    def definition(self) -> dict[str, Any]:
        return {
            "trigger": {"type": "api"},
            "lane": [
                {"id": "s1", "type": "send_sms", "config": {"template_id": str(self.template)}},
                {"id": "s2", "type": "wait", "config": {"days": 3}},
            ],
        }

    def made(self, **more: Any) -> dict[str, Any]:
        body = {"name": "Welcome", "definition": self.definition(), **more}
        found: dict[str, Any] = self.maya.data("POST", "/flows", body)
        return found

    def active(self) -> str:
        flow = self.made()["id"]
        self.maya.data("POST", f"/flows/{flow}/submit")
        with self.bank.unit("admin") as session:
            lifecycle.approve(session, flow, by=self.bank.staff["admin"])
        assert self.maya.data("POST", f"/flows/{flow}/activate")["state"] == "active"
        return str(flow)


@pytest.fixture
def outside(campaigns: Campaigning) -> Outside:
    return Outside(campaigns)


def test_a_flow_is_made_read_changed_and_archived(outside: Outside) -> None:
    flow = outside.made()
    assert (flow["state"], flow["revision"]) == ("draft", 1)
    assert "submit" in flow["actions"]
    url = f"/flows/{flow['id']}"
    assert outside.maya.data("GET", "/flows?q=elc")[0]["id"] == flow["id"]
    assert [len(outside.maya.data("GET", f"/flows?state={state}")) for state in ("draft", "paused")] == [1, 0]
    assert outside.maya.data("PATCH", url, {"name": "Hello"})["name"] == "Hello"
    assert outside.maya("DELETE", url).status_code == 204
    assert outside.maya.data("GET", "/flows") == []
    assert outside.maya.data("POST", f"{url}/restore")["state"] == "draft"


def test_what_is_wrong_with_a_definition_is_named_by_its_path(outside: Outside) -> None:
    body = {"name": "Wrong", "definition": {"trigger": {"type": "api"}, "lane": [{"id": "s1", "type": "fly"}]}}
    answer = outside.maya("POST", "/flows", body)
    assert answer.status_code == 422
    assert answer.get_json()["error"]["details"][0]["field"] == "lane[0].type"
    draft = outside.made(definition={"trigger": {"type": "api"}, "lane": [{"id": "s1", "type": "wait"}]})
    problems = outside.maya.data("GET", f"/flows/{draft['id']}/problems")
    assert [(one["step"], one["field"], one["level"]) for one in problems] == [("s1", "lane[0].config.days", "error")]
    refused = outside.maya("POST", f"/flows/{draft['id']}/submit")
    assert refused.status_code == 422
    assert refused.get_json()["error"]["details"][0]["field"] == "lane[0].config.days"


def test_edits_undo_and_redo(outside: Outside) -> None:
    url = f"/flows/{outside.made()['id']}"
    edited = outside.maya.data("POST", f"{url}/edits", {"op": "insert", "type": "tag", "index": 0})
    assert [one["id"] for one in edited["definition"]["lane"]] == ["s3", "s1", "s2"]
    assert len(outside.maya.data("POST", f"{url}/undo")["definition"]["lane"]) == 2
    assert len(outside.maya.data("POST", f"{url}/redo")["definition"]["lane"]) == 3
    copy = outside.maya.data("POST", f"{url}/clone")
    assert copy["name"] == "Welcome (2)"


def test_a_ready_made_flow(outside: Outside) -> None:
    keys = [one["key"] for one in outside.maya.data("GET", "/flows/ready-made")]
    assert len(keys) == 6
    made = outside.maya.data("POST", "/flows/ready-made", {"like": "win_back", "name": "Back"})
    assert made["definition"]["lane"][0]["type"] == "ab_split"
    assert outside.maya("POST", "/flows/ready-made", {"like": "none", "name": "None"}).status_code == 404


def test_people_are_put_in_counted_listed_and_taken_out(outside: Outside) -> None:
    flow = outside.active()
    url = f"/flows/{flow}"
    assert outside.maya.data("POST", f"{url}/trigger", {"contacts": outside.contacts}) == {"entered": 3}
    metrics = outside.maya.data("GET", f"{url}/metrics")
    assert (metrics["entered"], metrics["finished"], metrics["left"]) == (3, 0, 0)
    assert set(metrics["steps"]["s1"]) == {"waiting", "passed", "failed", "converted"}
    (run,) = outside.maya.data("GET", f"{url}/runs?contact={outside.contacts[0]}")
    assert run["contact_id"] == outside.contacts[0]
    assert set(run["log"][0]) >= {"step", "at", "why"}
    assert outside.maya("POST", f"{url}/runs/take-out", {"runs": [run["id"]], "reason": ""}).status_code == 422
    for verb in ("retry", "skip", "move", "take-out"):
        nobody = outside.maya("POST", f"{url}/runs/{verb}", {"runs": [], "reason": "He asked.", "step": "s1"})
        assert (nobody.status_code, "Tick the people this is about" in nobody.get_data(as_text=True)) == (422, True)
    done = outside.maya.data("POST", f"{url}/runs/take-out", {"runs": [run["id"]], "reason": "He asked."})
    assert done == {"people": 1}
    assert [one["id"] for one in outside.maya.data("GET", f"{url}/runs?state=left")] == [run["id"]]
    assert outside.maya.data("GET", f"{url}/runs?step=s99") == []
    assert outside.maya.data("GET", f"{url}/metrics")["left"] == 1
    version = outside.maya.data("GET", f"{url}/versions")[0]
    assert (version["number"], sum(version["waiting"].values())) == (1, 2)


def test_a_dry_run_tells_the_way_and_does_nothing(outside: Outside) -> None:
    url = f"/flows/{outside.made()['id']}"
    body = {"contact": outside.contacts[0], "clock": "2026-12-01T08:00:00Z"}
    path = outside.maya.data("POST", f"{url}/dry-run", body)["path"]
    assert [one["step"] for one in path] == ["s1", "s2"]
    assert path[0]["text"] == "Welcome."
    assert path[1]["until"].startswith("2026-12-04")
    assert outside.maya.data("GET", f"{url}/runs") == []
    assert outside.maya("POST", f"{url}/dry-run", {"contact": str(outside.template)}).status_code == 404


def test_a_flow_is_stopped_by_one_and_started_by_two(outside: Outside) -> None:
    flow = outside.active()
    assert outside.maya.data("POST", f"/flows/{flow}/pause")["state"] == "paused"
    asked = outside.maya("POST", f"/flows/{flow}/resume")
    assert asked.status_code == 202
    assert outside.maya.data("GET", f"/flows/{flow}")["state"] == "paused"


def test_a_key_without_the_name_of_the_right_does_not_approve(outside: Outside) -> None:
    flow = outside.made()["id"]
    outside.maya.data("POST", f"/flows/{flow}/submit")
    assert outside.maya("POST", f"/flows/{flow}/approve").status_code == 403
    assert Caller(outside.bank, "admin")("POST", f"/flows/{flow}/approve").status_code == 403
    assert outside.maya.data("POST", f"/flows/{flow}/withdraw")["state"] == "draft"


def test_a_system_is_registered_and_told_nothing_yet(outside: Outside) -> None:
    made = outside.maya.data("POST", "/flows/destinations", {"name": "CRM", "url": "https://crm.example/in"})
    assert made["secret"]
    shown = outside.maya.data("GET", f"/flows/destinations/{made['id']}")
    assert (shown["approved_at"], "secret" in shown) == (None, False)
    assert outside.maya("DELETE", f"/flows/destinations/{made['id']}").status_code == 204
    assert outside.maya.data("GET", "/flows/destinations") == []
