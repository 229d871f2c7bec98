"""What cannot be a value is refused with a sentence, never with a crash: on pages, in parts, over REST."""

import base64
import io
import json

import pytest
from sqlalchemy.exc import OperationalError

from app.domain.contacts import properties
from app.domain.contacts.properties import PropertyInput
from tests.api.test_contacts import Caller
from tests.web.campaigning import Campaigning
from tests.web.test_campaigns import shown

LISTS = ("/contacts", "/campaigns", "/segments", "/templates", "/messages", "/suppressions", "/approvals", "/audit")
UNUSABLE = "Something in this request cannot be used"


def cursor(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.fixture
def caller(campaigns: Campaigning) -> Caller:
    return Caller(campaigns.bank, "marketer")


@pytest.mark.parametrize(
    "value", [1, None, [], {}, [False], [False, "1", "2"], [False, "no id"], [True, "9" * 40], [True, "\ud800"], "ab"]
)
def test_no_page_address_breaks_a_list(campaigns: Campaigning, value: object) -> None:
    marketer, auditor = campaigns.bank.browser("marketer"), campaigns.bank.browser("auditor")
    for path in LISTS:
        visitor = auditor if path == "/audit" else marketer
        for htmx in (False, True):
            assert visitor.get(f"{path}?cursor={cursor(value)}", htmx=htmx).status_code == 422, path


@pytest.mark.parametrize("path", [path for path in LISTS if path not in ("/approvals", "/audit")])
def test_no_page_address_breaks_a_call(caller: Caller, path: str) -> None:
    for value in (1, [False, "no id"]):
        answer = caller("GET", f"{path}?cursor={cursor(value)}")
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (422, "VALIDATION_ERROR")


def test_a_nul_is_refused_wherever_it_is_written(campaigns: Campaigning, caller: Caller) -> None:
    marketer = campaigns.bank.browser("marketer")
    refused = marketer.get("/campaigns?q=a%00b")
    assert refused.status_code == 422
    assert UNUSABLE in shown(refused)
    assert "<html" in refused.get_data(as_text=True)
    part = marketer.get("/campaigns?q=a%00b", htmx=True)
    assert (part.status_code, part.headers["HX-Reswap"]) == (422, "none")
    assert marketer.get("/campaigns").status_code == 200, "the transaction was rolled back"
    answer = caller("POST", "/campaigns", {"name": "a\0b"})
    assert answer.status_code == 422
    assert UNUSABLE in answer.get_json()["error"]["message"]
    made = caller("POST", "/contacts", {"external_id": "7\x007", "city": "Hai\0fa"}).get_json()["data"]
    assert (made["external_id"], made["city"]) == ("77", "Haifa"), (
        "what nobody can see is taken out of what is known of people"
    )


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "1e300", "1" + "0" * 400])
def test_a_number_that_is_none_is_refused_at_its_field(campaigns: Campaigning, caller: Caller, number: str) -> None:
    with campaigns.bank.unit("marketer") as session:
        properties.define(session, PropertyInput(key="score", type="number"), by=campaigns.bank.staff["marketer"])
    sent = f'{{"external_id": "78", "properties": {{"score": {number}}}}}'
    headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}
    answer = caller.client.post("/api/v1/contacts", data=sent, headers=headers)
    assert answer.status_code == 422
    assert answer.get_json()["error"]["details"][0]["field"] == "properties.score"


def test_a_bottomless_page_address_or_body(caller: Caller) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 3000).decode()
    assert caller("GET", f"/contacts?cursor={deep}").status_code == 422
    for raw in ("[" * 100_000, '{"a":' * 50_000):
        headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}
        answer = caller.client.post("/api/v1/contacts", data=raw, headers=headers)
        assert answer.status_code == 400


@pytest.mark.parametrize("tag", ['"' + "9" * 5000 + '"', '"²"', '"-1"', '""', "*"])
def test_a_version_that_is_none(caller: Caller, tag: str) -> None:
    made = caller.data("POST", "/contacts", {"external_id": f"A-{tag[:9]}"})
    answer = caller("PATCH", f"/contacts/{made['id']}", {"city": "Haifa"}, headers={"If-Match": tag})
    assert answer.status_code == (200 if tag == "*" else 400)


@pytest.mark.parametrize("value", ["\ud800", ["gold"], {"a": 1}])
def test_a_value_that_is_none_in_a_condition(caller: Caller, value: object) -> None:
    for name in ("city", "status"):
        where = {"kind": "field", "field": name, "op": "eq", "value": value}
        assert caller("POST", "/segments/count", {"definition": {"version": 1, "where": where}}).status_code == (
            400 if value == "\ud800" else 422
        )


@pytest.mark.parametrize(
    "moment", ["9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
)
def test_a_moment_no_calendar_can_show(caller: Caller, moment: str) -> None:
    assert caller("POST", "/campaigns", {"name": "n", "scheduled_at": moment}).status_code == 422


def test_a_body_in_chunks_is_read(caller: Caller) -> None:
    """Its length is not announced; it is a body like another."""
    headers = {
        "Authorization": f"Bearer {caller.key}",
        "Content-Type": "application/json",
        "Transfer-Encoding": "chunked",
    }
    raw = io.BytesIO(b'{"external_id": "in-chunks", "city": "Haifa"}')
    made = caller.client.post(
        "/api/v1/contacts", input_stream=raw, headers=headers, environ_overrides={"wsgi.input_terminated": True}
    )
    assert (made.status_code, made.json["data"]["city"]) == (201, "Haifa")


def test_an_export_with_a_nul_in_its_filter_is_whole(campaigns: Campaigning) -> None:
    exported = campaigns.bank.browser("auditor").get("/audit/export?action=%00")
    assert exported.status_code == 200
    assert exported.get_data()


@pytest.mark.parametrize("address", ["http://[", "//[", "http://a]b/"])
def test_an_address_that_is_none(campaigns: Campaigning, address: str) -> None:
    stranger = campaigns.bank.app.test_client()
    assert stranger.get(f"/login?next={address}").status_code == 200
    assert stranger.get("/contacts", headers={"HX-Request": "true", "HX-Current-URL": address}).status_code == 401
    assert stranger.get("/login", headers={"Referer": address}).status_code == 200


def test_a_database_that_is_away_is_said_to_be(campaigns: Campaigning, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection"))

    monkeypatch.setattr("app.domain.contacts.search.listed", gone)
    answer = campaigns.bank.browser("marketer").get("/contacts")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
