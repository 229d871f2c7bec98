"""What holds for every call: names in the query, versions, time stamps, and the twins of what a browser can do."""

import io
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from app.domain.access import keys
from app.domain.access.models import User
from app.domain.providers.models import ProviderAccount
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning


@pytest.fixture
def caller(campaigns: Campaigning) -> Caller:
    return Caller(campaigns.bank, "marketer")


def test_a_name_nobody_knows_in_a_query_is_refused(page_app: Flask, campaigns: Campaigning) -> None:
    callers = [Caller(campaigns.bank, role) for role in ("admin", "marketer", "auditor")]
    urls = page_app.url_map.bind("localhost")
    for rule in page_app.url_map.iter_rules():
        if not rule.rule.startswith("/api/") or "GET" not in (rule.methods or ()):
            continue
        words = {"kind": "pdf", "name": "campaign", "id_hash": "0" * 64, "number": 1}
        path = urls.build(rule.endpoint, {name: words.get(name, str(uuid4())) for name in rule.arguments}).removeprefix(
            "/api/v1"
        )
        answers = [caller("GET", f"{path}?colour=red") for caller in callers]
        assert {answer.status_code for answer in answers} <= {400, 403}, path
        assert 400 in {answer.status_code for answer in answers}, path
    assert answers[0].get_json()["error"]["details"][0]["field"] == "colour"


def test_the_names_a_list_is_said_to_take_are_taken(caller: Caller) -> None:
    for path in (
        "/contacts?q=a&tag=b&group=c&status=active&updated_since=2026-01-01T00:00:00Z&deleted=true&per_page=5",
        "/messages?state=sent&reason=a&channel=sms&since=2026-01-01T00:00:00Z",
        "/segments?q=a&archived=1",
        "/campaigns?q=a&state=draft",
        "/templates?channel=sms&message_class=marketing&q=a",
        "/consents?state=granted",
        "/suppressions?channel=sms",
        "/jobs?kind=import",
    ):
        answer = caller("GET", path)
        assert answer.status_code == 200, (path, answer.get_json())
    assert caller("GET", "/messages?since=yesterday").status_code == 422


def test_every_answer_says_when_it_was_given(caller: Caller) -> None:
    for path, status in (("/me", 200), ("/contacts", 200), (f"/contacts/{uuid4()}", 404)):
        answer = caller("GET", path)
        assert answer.status_code == status
        assert answer.get_json()["meta"]["timestamp"].endswith("Z")


def test_a_stale_version_is_412_and_one_that_is_none_400(campaigns: Campaigning, caller: Caller) -> None:
    draft = campaigns.draft()
    made = caller.data("POST", "/contacts", {"external_id": "if-match"})
    where = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
    segment = caller.data("POST", "/segments", {"name": "s", "definition": {"version": 1, "where": where}})
    text = {
        "name": "t",
        "channel": "sms",
        "message_class": "service",
        "fallback_language": "en",
        "texts": {"en": {"body": "Hello"}},
    }
    template = caller.data("POST", "/templates", text)
    for path, change in (
        (f"/contacts/{made['id']}", {"city": "Haifa"}),
        (f"/segments/{segment['id']}", {"description": "x"}),
        (f"/templates/{template['id']}", {"category": "x"}),
        (f"/campaigns/{draft}", {"description": "x"}),
    ):
        stale = caller("PATCH", path, change, headers={"If-Match": '"999"'})
        assert (stale.status_code, stale.get_json()["error"]["code"]) == (412, "PRECONDITION_FAILED"), path
        assert caller("PATCH", path, change, headers={"If-Match": "nonsense"}).status_code == 400, path


def test_a_decision_names_the_request_it_is_about(campaigns: Campaigning) -> None:
    campaign_id = campaigns.submitted()
    admin = Caller(campaigns.bank, "admin")
    with campaigns.bank.unit() as session:
        user = session.get_one(User, campaigns.bank.staff["admin"].id)
        admin.key = keys.create(
            session, user, name="decides", scopes=["*", "campaigns:approve"], by=campaigns.bank.staff["admin"]
        )
        keys.of_whole(session, admin.key).is_waiting = False
    for verb in ("approve", "reject"):
        refused = admin("POST", f"/campaigns/{campaign_id}/{verb}", {"note": "x"})
        assert (refused.status_code, refused.get_json()["error"]["details"][0]["field"]) == (422, "approval_id")
        assert (
            admin("POST", f"/campaigns/{campaign_id}/{verb}", {"note": "x", "approval_id": str(uuid4())}).status_code
            == 409
        )


def test_consents_stand_at_the_top_too(caller: Caller) -> None:
    made = caller.data("POST", "/contacts", {"external_id": "consents", "email": "consents@mail.example"})
    act = {"contact": made["id"], "state": "granted", "channels": ["email"], "basis": "signed in the branch"}
    assert caller("POST", "/consents", act).status_code == 201
    assert caller("POST", "/consents", {**act, "state": "withdrawn", "basis": "by phone"}).status_code == 201
    listed = caller.data("GET", f"/consents?contact={made['id']}")
    assert [one["state"] for one in listed] == ["withdrawn", "granted"]
    assert caller.data("GET", f"/consents?contact={made['id']}&state=granted")[0]["contact_id"] == made["id"]
    assert caller("POST", "/consents", act).status_code in {202, 422}, "given again by two"


def test_a_suppression_that_stands_already_is_no_new_one(caller: Caller) -> None:
    said = {"address": "stands@mail.example", "channel": "email"}
    first, again = caller("POST", "/suppressions", said), caller("POST", "/suppressions", said)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json()["data"]["id"] == again.get_json()["data"]["id"]


def test_a_list_of_suppressions_comes_and_goes(caller: Caller) -> None:
    file = {"file": (io.BytesIO(b"one@mail.example\nnonsense\ntwo@mail.example\n"), "list.csv"), "channel": "email"}
    answer = caller.client.post(
        "/api/v1/suppressions/import", data=file, headers={"Authorization": f"Bearer {caller.key}"}
    )
    assert answer.get_json()["data"] == {"added": 2, "known": 0, "bad": [2]}
    assert "one@mail.example" in caller("GET", "/suppressions/export").get_data(as_text=True)


def test_campaigns_are_withdrawn_and_cloned(campaigns: Campaigning, caller: Caller) -> None:
    campaign_id = campaigns.submitted()
    assert caller.data("POST", f"/campaigns/{campaign_id}/withdraw")["state"] == "draft"
    copy = caller("POST", f"/campaigns/{campaign_id}/clone")
    assert (copy.status_code, copy.get_json()["data"]["state"]) == (201, "draft")


def test_versions_of_a_text_are_compared(caller: Caller) -> None:
    text: dict[str, Any] = {
        "name": "c",
        "channel": "sms",
        "message_class": "service",
        "fallback_language": "en",
        "texts": {"en": {"body": "One"}},
    }
    made = caller.data("POST", "/templates", text)
    caller.data("PATCH", f"/templates/{made['id']}", {"texts": {"en": {"body": "Two"}}})
    found = caller.data("GET", f"/templates/{made['id']}/versions/1/differences")
    assert "One" in str(found)
    assert "Two" in str(found)


def test_a_preview_names_a_contact_by_its_id(caller: Caller) -> None:
    made = caller.data("POST", "/contacts", {"external_id": "pre", "first_name": "Maya"})
    text: dict[str, Any] = {
        "name": "p", "channel": "sms", "message_class": "service", "fallback_language": "en",
        "texts": {"en": {"body": "Hello {{ contact.first_name }}"}},
    }  # fmt: skip
    template = caller.data("POST", "/templates", text)
    path = f"/templates/{template['id']}/preview"
    assert (
        caller.data("POST", path, {"contact": made["id"]})["body"]
        == caller.data("POST", path, {"external_id": "pre"})["body"]
    )
    assert caller("POST", path, {"contact": "pre"}).status_code == 422
    assert caller("POST", path, {"contact": str(uuid4())}).status_code == 422


def test_oneself(caller: Caller, campaigns: Campaigning) -> None:
    assert caller.data("PATCH", "/me", {"language": "he", "theme": "dark"}) == {"language": "he", "theme": "dark"}
    assert caller("PATCH", "/me", {"language": "xx"}).status_code == 422
    campaigns.bank.browser("marketer")
    for one in caller.data("GET", "/sessions"):
        assert caller("DELETE", f"/sessions/{one['id']}").status_code == 204
    assert caller.data("GET", "/sessions") == []


def test_the_audit_log_is_exported(campaigns: Campaigning) -> None:
    auditor = Caller(campaigns.bank, "auditor")
    answer = auditor("GET", "/audit/export?action=key")
    assert answer.status_code == 200
    assert '"action": "key.created"' in answer.get_data(as_text=True)


def test_the_provider_of_an_inbound_address_is_looked_at(campaigns: Campaigning) -> None:
    with campaigns.bank.unit() as session:
        account = session.execute(select(ProviderAccount)).scalars().first()
        account_id, kind = account.id, account.kind
    client = campaigns.bank.app.test_client()
    assert client.post(f"/api/v1/inbound/nobody/{account_id}/receipts", data=b"{}").status_code == 404
    assert client.post(f"/api/v1/inbound/{kind}/{account_id}/receipts", data=b"{}").status_code != 404


def test_users_and_roles(campaigns: Campaigning) -> None:
    owner, viewer = Caller(campaigns.bank, "owner"), Caller(campaigns.bank, "viewer")
    assert {"name", "permissions"} <= set(owner.data("GET", "/roles")[0])
    made = owner("POST", "/users", {"email": "rest@bank.example", "name": "Rest", "role": "viewer"})
    assert made.status_code == 201
    user = made.get_json()["data"]
    assert len(user["first_password"]) > 12
    assert "first_password" not in owner.data("GET", f"/users/{user['id']}")
    assert owner.data("PATCH", f"/users/{user['id']}", {"role": "operator"})["role"] == "operator"
    assert owner.data("PATCH", f"/users/{user['id']}", {"is_active": False})["is_active"] is False
    two = owner("POST", "/users", {"email": "second@bank.example", "name": "Second", "role": "owner"})
    assert (two.status_code, two.get_json()["data"]["state"]) == (202, "pending")
    assert viewer("POST", "/users", {"email": "x@bank.example", "name": "x", "role": "viewer"}).status_code == 403


def test_a_key_makes_no_stronger_key(campaigns: Campaigning) -> None:
    caller = Caller(campaigns.bank, "marketer")
    assert caller("POST", "/keys", {"name": "all", "scopes": ["*"]}).status_code == 403
    made = caller.data("POST", "/keys", {"name": "reads", "scopes": ["contacts:read"]})
    weak = Caller(campaigns.bank, "marketer")
    weak.key = made["secret_key"]
    assert weak("GET", "/contacts").status_code == 200
    assert weak("POST", "/keys", {"name": "more", "scopes": ["contacts:write"]}).status_code == 403
    assert "secret_key" not in caller.data("GET", "/keys")[0]
    assert caller("DELETE", f"/keys/{made['id']}").status_code == 204
    assert weak("GET", "/contacts").status_code == 401


def test_providers_are_changed_by_two(campaigns: Campaigning) -> None:
    caller = next(
        Caller(campaigns.bank, role) for role in ("admin", "owner") if campaigns.bank.staff[role].may("providers:write")
    )
    account = caller.data("GET", "/providers")[0]
    assert "secret" not in account
    assert caller("PATCH", f"/providers/{account['id']}", {}).status_code == 200
    asked = caller("PATCH", f"/providers/{account['id']}", {"priority": account["priority"] + 1})
    assert asked.status_code == 202, asked.get_json()
    assert caller.data("GET", f"/providers/{account['id']}")["priority"] == account["priority"]
    assert caller.data("DELETE", f"/providers/{account['id']}/use")["is_enabled"] is False
    assert caller("PUT", f"/providers/{account['id']}/use").status_code == 202
    assert set(caller.data("POST", f"/providers/{account['id']}/test")) == {"error"}


def test_an_import_step_by_step(caller: Caller) -> None:
    file = {"file": (io.BytesIO(b"external_id,email\n91,a@mail.example\n92,nonsense\n,\n"), "people.csv")}
    sent = caller.client.post("/api/v1/imports", data=file, headers={"Authorization": f"Bearer {caller.key}"})
    assert sent.status_code == 201, sent.get_json()
    made = sent.get_json()["data"]
    rows = caller.data("POST", f"/imports/{made['id']}/preview", {})
    assert rows[0]["is_good"]
    assert caller.data("POST", f"/imports/{made['id']}/dry-run", {})["new"] >= 1
    assert caller("GET", f"/imports/{made['id']}/errors").status_code == 200
    assert caller("POST", f"/imports/{made['id']}/start", {}).status_code == 202
