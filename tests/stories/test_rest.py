"""The main story through the REST operations, with the keys of two roles, on the bank's 45,211 clients."""

import gzip
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.domain.content.gallery import STARTS
from tests.servers.house import House, wait_for, whole
from tests.servers.throwaway import Servers

ROOT = Path(__file__).parents[2]
WHERE = {
    "version": 1,
    "zone": "organisation",
    "where": {
        "all": [
            {"kind": "field", "field": "properties.balance", "op": "gte", "value": 15000},
            {"kind": "field", "field": "properties.loan", "op": "eq", "value": "no"},
            {"kind": "field", "field": "properties.contact", "op": "eq", "value": "cellular"},
        ]
    },
}


@pytest.fixture(scope="module")
def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with whole(servers, "story_rest", tmp_path_factory.mktemp("rest")) as one:
        yield one


def good(answer: tuple[int, Any], *statuses: int) -> Any:
    """The data of a good answer."""
    status, body = answer
    assert status in (statuses or (200, 201, 202)), body
    return body["data"]


def multipart(name: str, content: bytes, options: dict[str, Any]) -> tuple[bytes, str]:
    """A file and its options as a form."""
    border = uuid4().hex
    head = f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    tail = f'\r\n--{border}\r\nContent-Disposition: form-data; name="options"\r\n\r\n{json.dumps(options)}\r\n--{border}--\r\n'
    return head + content + tail.encode(), f"multipart/form-data; boundary={border}"


def test_the_story(house: House) -> None:
    imported(house)
    segment = good(house.call("marketer", "POST", "/segments", {"name": "Well off", "definition": WHERE}))
    counted = good(house.call("marketer", "POST", "/segments/count", {"definition": WHERE}))
    assert counted["count"] == 220
    texts = [
        good(house.call("marketer", "POST", "/templates", STARTS[s].model_dump())) for s in ("sms-offer", "email-offer")
    ]
    campaign = good(
        house.call(
            "marketer",
            "POST",
            "/campaigns",
            {
                "name": "Savings in November",
                "audience": {"segments": [segment["id"]]},
                "sms_template_id": texts[0]["id"],
                "email_template_id": texts[1]["id"],
            },
        )
    )
    path = f"/campaigns/{campaign['id']}"
    plan = good(house.call("marketer", "POST", f"{path}/simulate"))
    for channel in plan["channels"]:
        falls = dict(channel["waterfall"])
        assert falls.pop("matched") == 220 == sum(falls.values())
    asked = good(house.call("marketer", "POST", f"{path}/submit"))
    assert asked["state"] == "in_review"
    assert house.call("marketer", "POST", f"{path}/approve")[0] == 403
    decision = {"note": "fine", "approval_id": asked["approval_id"]}
    assert good(house.call("admin", "POST", f"{path}/approve", decision))["state"] in ("approved", "running")
    done = wait_for("the campaign to be delivered", 90, lambda: delivered(house, path))
    for channel in done["channels"]:
        assert sum(channel["states"].values()) == 220
    handed = {
        c["channel"]: sum(n for s, n in c["states"].items() if s in ("delivered", "undeliverable"))
        for c in done["channels"]
    }
    assert house.sandbox.received("sms", limit=1)["total"] == handed["sms"]
    assert house.sandbox.received("email", limit=1)["total"] == handed["email"]
    assert house.sandbox.received("sms", limit=1)["distinct"] == handed["sms"]
    skips = house.call("marketer", "GET", f"{path}/skips?channel=sms&per_page=200")[1]
    assert len(skips["data"]) == next(c["skips"] for c in plan_numbers(done) if c["channel"] == "sms")
    read_and_leave(house, path)
    reported(house, campaign["id"])
    assert good(house.call("auditor", "GET", "/audit/verify"))["broken_at"] is None


def plan_numbers(done: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"channel": c["channel"], "skips": c["states"].get("skipped", 0)} for c in done["channels"]]


def imported(house: House) -> None:
    """The bank's file, with demonstration people."""
    content = gzip.decompress((ROOT / "sandbox" / "data" / "bank-marketing.csv.gz").read_bytes())
    columns = content.split(b"\n", 1)[0].decode().strip().split(";")
    mapping = {c: "external_id" if c == "client_id" else f"properties.{c}" for c in columns}
    body, kind = multipart("bank-marketing.csv", content, {"mapping": mapping, "demonstration": True})
    job = good(house.call("marketer", "POST", "/contacts/import", body, Content_Type=kind), 202)
    ended = wait_for("the import", 120, lambda: ended_job(house, job["id"]))
    assert (ended["state"], ended["rows"], ended["created"]) == ("completed", 45211, 45211), ended


def ended_job(house: House, job_id: str) -> Any:
    job = good(house.call("marketer", "GET", f"/jobs/{job_id}"))
    return job if job["state"] in ("completed", "failed") else None


def delivered(house: House, path: str) -> Any:
    found = good(house.call("marketer", "GET", f"{path}/results"))
    open_ones = sum(
        n for c in found["channels"] for s, n in c["states"].items() if s in ("queued", "sending", "in_doubt", "sent")
    )
    return found if found["state"] == "completed" and not open_ones else None


def read_and_leave(house: House, path: str) -> None:
    """Somebody opens the e-mail, clicks, and unsubscribes with one click."""
    letter = house.sandbox.received("email", limit=1, full=1)["items"][0]
    text = json.dumps(letter)
    click = re.search(rf"{house.base_url}/c/[\w-]+", text)
    leave = re.search(rf"{house.base_url}/u/[\w-]+", text)
    assert click
    assert leave
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_given: Any) -> None:
            return None

    opener = urllib.request.build_opener(Stay)
    with pytest.raises(urllib.error.HTTPError) as onward:
        opener.open(urllib.request.Request(click.group(), headers=browser))
    assert onward.value.headers["Location"] == "https://www.bank.example/deposit"
    request = urllib.request.Request(leave.group(), data=b"List-Unsubscribe=One-Click", headers=browser, method="POST")
    assert urllib.request.urlopen(request, timeout=10).status == 200
    found = good(house.call("marketer", "GET", f"{path}/results"))
    email = next(c for c in found["channels"] if c["channel"] == "email")
    assert (email["opened"], email["clicked"]) == (1, 1)
    listed = house.call("marketer", "GET", "/suppressions?channel=email")[1]["data"]
    assert [row["reason"] for row in listed] == ["opt_out"]


def reported(house: House, campaign_id: str) -> None:
    """A report, mailed to a manager as Excel and PDF."""
    wanted = {"campaign_id": campaign_id, "language": "he", "recipients": ["manager@bank.example"]}
    run = good(house.call("marketer", "POST", "/reports/campaign/run", wanted), 202)
    made = wait_for(
        "the report",
        60,
        lambda: (r := good(house.call("marketer", "GET", f"/reports/runs/{run['id']}")))["state"] != "queued" and r,
    )
    assert made["state"] == "completed"
    assert house.call("marketer", "GET", f"/reports/runs/{run['id']}/pdf")[1].startswith(b"%PDF")
    assert house.call("marketer", "GET", f"/reports/runs/{run['id']}/xlsx")[1].startswith(b"PK")
    mail = wait_for(
        "the manager's mail", 30, lambda: house.sandbox.received("email", to="manager@bank.example")["items"]
    )
    assert len(mail) == 1


def test_unknown_fields_are_refused(house: House) -> None:
    status, body = house.call("marketer", "POST", "/campaigns", {"name": "x", "colour": "blue"})
    assert (status, body["error"]["code"], body["error"]["details"][0]["field"]) == (422, "VALIDATION_ERROR", "colour")


def test_a_post_is_answered_once(house: House) -> None:
    key = uuid4().hex
    first = house.call("marketer", "POST", "/campaigns", {"name": "Once"}, Idempotency_Key=key)
    again = house.call("marketer", "POST", "/campaigns", {"name": "Once"}, Idempotency_Key=key)
    assert first[0] == again[0] == 201
    assert first[1]["data"]["id"] == again[1]["data"]["id"]
    assert house.call("marketer", "POST", "/campaigns", {"name": "Other"}, Idempotency_Key=key)[0] == 409


def test_without_a_key_nothing_is_told(house: House) -> None:
    status, body = house.call("viewer", "GET", "/contacts", Authorization="Bearer ck_nobody_x")
    assert (status, body["error"]["code"]) == (401, "UNAUTHENTICATED")
