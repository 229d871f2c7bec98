"""/track, /identify, /batch: the shapes of answers, what the key of a page may, and from where."""

import base64
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.core.actor import system
from app.domain.access.models import ApiKey, User
from app.domain.consent import ledger
from app.domain.contacts import profile
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.events import page_keys
from app.domain.events.models import Event, Visitor
from sandbox import site
from tests.api.test_contacts import Caller
from tests.factories import people
from tests.web.conftest import bank, page_app, page_settings
from tests.web.pages import House

__all__ = ["bank", "page_app", "page_settings"]
SITE = "https://www.bank.example"
ANON = {"anonymous_id": "0b54d6e0-visitor"}


class Page(Caller):
    """Calls as the script of a page does."""

    def __init__(self, bank: House, origin: str | None = SITE) -> None:
        self.client, self.origin = bank.app.test_client(), origin
        with bank.unit() as session:
            user = session.get_one(User, bank.staff["marketer"].id)
            key = page_keys.make(session, user, name="site", origins=[SITE], by=system(bank.organisation_id))
            self.key, self.key_id = str(key.shown), key.id

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        sent = {"Origin": self.origin, "Sec-Fetch-Site": "cross-site"} if self.origin else {}
        return super().__call__(method, path, body, headers=sent | more.pop("headers", {}), **more)


@pytest.fixture
def marketer(bank: House) -> Caller:
    with bank.unit() as session:
        people.contacts(session, 2)
    return Caller(bank, "marketer")


@pytest.fixture
def page(bank: House) -> Page:
    return Page(bank)


def events(bank: House) -> list[Event]:
    with bank.unit() as session:
        return list(session.execute(select(Event).order_by(Event.id)).scalars())


def test_an_event_is_taken_once(bank: House, marketer: Caller) -> None:
    event = {"event": "login", "contact": {"external_id": "0"}, "properties": {"device": "app"}, "id": "e-1"}
    answer = marketer("POST", "/track", event)
    assert (answer.status_code, answer.get_json()["data"]) == (202, {"accepted": 1, "repeated": 0})
    assert marketer.data("POST", "/track", event) == {"accepted": 1, "repeated": 1}
    other = marketer("POST", "/track", event | {"properties": {}})
    assert (other.status_code, other.get_json()["error"]["code"]) == (409, "CONFLICT")
    assert [one.properties for one in events(bank)] == [{"device": "app"}]


def test_a_bad_event_is_told_field_by_field(marketer: Caller) -> None:
    answer = marketer("POST", "/track", {"event": "Login Page", "contact": {}, "colour": "red"})
    assert answer.status_code == 422
    assert {one["field"] for one in answer.get_json()["error"]["details"]} == {"event", "contact", "colour"}
    assert "small letters" in answer.get_data(as_text=True)
    unknown = marketer("POST", "/track", {"event": "login", "contact": {"external_id": "77"}})
    assert (unknown.status_code, unknown.get_json()["error"]["code"]) == (404, "NOT_FOUND")


def test_a_batch_tells_by_index_what_it_did_not_take(marketer: Caller) -> None:
    who = {"contact": {"external_id": "0"}}
    told = marketer.data("POST", "/batch", {"events": [
        {"event": "login", **who}, "login", {"event": "Login Page", **who}, {"event": "login", "contact": {"external_id": "77"}},
        {"event": "login", **who, "id": "e-1"}, {"event": "login", **who, "id": "e-1"}, {"event": "logout", **who, "id": "e-1"},
    ]})  # fmt: skip
    assert told["accepted"] == 2
    assert {one["index"]: one["code"] for one in told["refused"]} == {
        1: "VALIDATION_ERROR", 2: "VALIDATION_ERROR", 3: "NOT_FOUND", 6: "CONFLICT",
    }  # fmt: skip
    assert all(one["message"] for one in told["refused"])


@pytest.mark.parametrize("body", [{}, {"events": []}, {"events": {}}, {"events": [{}] * 1001}, {"batch": []}])
def test_a_batch_has_1_to_1000_events(marketer: Caller, body: dict[str, Any]) -> None:
    assert marketer("POST", "/batch", body).status_code == 422


def test_a_secret_key_makes_and_changes_contacts(bank: House, marketer: Caller) -> None:
    whose = {"external_id": "900", **ANON}
    marketer("POST", "/track", {"event": "calculator_used", "contact": ANON})
    traits = {"first_name": "Noa", "email": "noa@mail.example", "language": "he", "properties": {}}
    told = marketer.data("POST", "/identify", {"contact": whose, "traits": traits})
    assert (told["created"], told["events"]) == (True, 1)
    made = marketer.data("GET", f"/contacts/{told['contact']}")
    assert (made["external_id"], made["first_name"], made["emails"]) == ("900", "Noa", ["noa@mail.example"])
    again = marketer.data("POST", "/identify", {"contact": whose, "traits": {"city": "Haifa"}})
    assert (again["created"], again["contact"], again["events"]) == (False, told["contact"], 0)
    changed = marketer.data("GET", f"/contacts/{told['contact']}")
    assert (changed["city"], changed["first_name"], changed["language"]) == ("Haifa", "Noa", "he")


def test_who_may_not_write_contacts_makes_none(bank: House) -> None:
    with bank.unit() as session:
        bank.staff["operator"] = people.staff(session, "operator")
    operator = Caller(bank, "operator")
    assert operator("POST", "/identify", {"contact": {"external_id": "900"}}).status_code == 403
    assert Caller(bank, "viewer")("POST", "/track", {"event": "login", "contact": ANON}).status_code == 403


def test_a_page_tells_of_its_visitor(bank: House, page: Page) -> None:
    answer = page("POST", "/track", {"event": "page", "contact": ANON})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (202, SITE)
    assert [(one.contact_id, one.source, one.is_verified) for one in events(bank)] == [(None, "web", False)]


def test_a_browser_asks_first(bank: House, page: Page) -> None:
    answer = bank.app.test_client().options(
        "/api/v1/batch", headers={"Origin": SITE, "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    elsewhere = bank.app.test_client().options("/api/v1/contacts", headers={"Origin": SITE})
    assert "Access-Control-Allow-Origin" not in elsewhere.headers


def test_a_page_of_another_origin_is_refused(bank: House) -> None:
    for origin in ("https://evil.example", "http://www.bank.example", "null"):
        answer = Page(bank, origin)("POST", "/track", {"event": "page", "contact": ANON})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "FORBIDDEN")
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert events(bank) == []
    assert Page(bank, None)("POST", "/track", {"event": "page", "contact": ANON}).status_code == 202


def test_the_origins_of_a_key_are_set_and_kept_right(bank: House, marketer: Caller) -> None:
    made = marketer.data("POST", "/keys", {"name": "shop", "kind": "public", "origins": ["https://Shop.bank.example/"]})
    assert (made["origins"], made["public_key"][:3]) == (["https://shop.bank.example"], "pk_")
    changed = marketer.data("PATCH", f"/keys/{made['id']}", {"origins": [SITE]})
    assert changed["origins"] == [SITE]
    assert next(one for one in marketer.data("GET", "/keys") if one["id"] == made["id"])["public_key"]
    for wrong in ("www.bank.example", "https://bank.example/path", "*", "https://*.bank.example", "null"):
        assert marketer("PATCH", f"/keys/{made['id']}", {"origins": [wrong]}).status_code == 422
    secret = next(one for one in marketer.data("GET", "/keys") if one["kind"] == "secret")
    assert marketer("PATCH", f"/keys/{secret['id']}", {"origins": [SITE]}).status_code == 404
    assert Caller(bank, "viewer")("PATCH", f"/keys/{made['id']}", {"origins": [SITE]}).status_code == 403


def test_the_key_of_a_page_opens_nothing_else(page_app: Flask, bank: House) -> None:
    """Every route of the API, with its own method, called from a program: only three know the key at all."""
    page = Page(bank, None)
    ours = {"events_api.track", "events_api.batch", "events_api.identify"}
    for rule in page_app.url_map.iter_rules():
        view: Any = page_app.view_functions[rule.endpoint]
        if not rule.rule.startswith("/api/") or rule.endpoint in ours or getattr(view, "is_public", False):
            continue
        path = re.sub("<string[^>]+>", "0" * 64, rule.rule.removeprefix("/api/v1"))
        path = re.sub("<[^>]+>", str(bank.organisation_id), re.sub("<int:[^>]+>", "1", path))
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            assert page(method, path).status_code == 401, (method, path)


def test_a_page_changes_nobody(bank: House, marketer: Caller, page: Page) -> None:
    """Whoever reads the key in a page names another person in every way there is."""
    with bank.unit() as session:
        victim = session.execute(select(Contact.id).where(Contact.external_id == "0")).scalar_one()
    before = everything(bank)
    names = ({"id": str(victim)}, {"external_id": "0"}, {"email": "client0@mail.example"}, {"phone": "0522000000"})
    traits = {
        "email": "thief@evil.example",
        "phone": "0529999999",
        "tags": ["vip"],
        "consent": "granted",
        "balance": 10**9,
    }
    for name in names:
        assert page("POST", "/track", {"event": "login", "contact": name}).status_code == 202
        page("POST", "/identify", {"contact": {**name, **ANON}, "traits": traits})
        page("POST", "/identify", {"contact": name, "traits": traits})
        page("POST", "/identify", {"contact": {**name, **ANON}, "traits": traits, "token": "x.y.z"})
        page("POST", "/identify", {"contact": name, "email": "thief@evil.example"})
        page("POST", "/batch", {"events": [{"event": "login", "contact": {**name, **ANON}}]})
        page("POST", "/contacts", {"external_id": "evil"})
        page("PATCH", f"/contacts/{victim}", {"email": "thief@evil.example"})
        page("POST", "/consents", {"contact": str(victim), "channels": ["sms"], "state": "withdrawn"})
    assert everything(bank) == before
    assert {(one.contact_id, one.is_verified) for one in events(bank)} == {(victim, False)}, "said of him, not verified"
    with bank.unit() as session:
        assert session.execute(select(Visitor).where(Visitor.contact_id.is_not(None))).first() is None


def everything(bank: House) -> Any:
    """All that is known of the contacts of a bank."""
    with bank.unit() as session:
        contacts = list(session.execute(select(Contact).order_by(Contact.id)).scalars())
        own = select(ContactAddress).where(ContactAddress.contact_id.in_([one.id for one in contacts]))
        addresses = sorted((str(one.contact_id), one.kind, one.blind) for one in session.execute(own).scalars())
        told = [(profile.input_of(session, one), one.version, ledger.states(session, one.id)) for one in contacts]
        return told, addresses


def token(key: str, *, until: timedelta = timedelta(minutes=5), **whose: Any) -> str:
    """As a bank's server makes it."""
    prefix, secret = key.split("_", 2)[1:]
    told = json.dumps({**whose, "until": int((datetime.now(UTC) + until).timestamp())})
    payload = base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")
    return f"{prefix}.{payload}.{hmac.new(sha256(secret.encode()).digest(), payload.encode(), 'sha256').hexdigest()}"


def test_a_token_of_the_banks_server_says_who_a_visitor_is(bank: House, marketer: Caller, page: Page) -> None:
    page("POST", "/track", {"event": "calculator_used", "contact": ANON})
    answer = page("POST", "/identify", {"contact": ANON, "token": token(marketer.key, external_id="1")})
    assert (answer.status_code, answer.get_json()["data"]) == (202, {"accepted": 1})
    page("POST", "/track", {"event": "application_begun", "contact": ANON})
    of_the_site = page("POST", "/identify", {"contact": ANON, "token": site.token(marketer.key, "1")})
    assert of_the_site.status_code == 202, "the sandbox's site makes it in the same way"
    with bank.unit() as session:
        who = session.execute(select(Contact.id).where(Contact.external_id == "1")).scalar_one()
    assert [(one.contact_id, one.is_verified) for one in events(bank)] == [(who, False)] * 2


def test_a_token_that_is_not_right_says_nothing(bank: House, marketer: Caller, page: Page) -> None:
    good = token(marketer.key, external_id="1")
    viewer = Caller(bank, "viewer").key
    prefix, payload, mac = good.split(".")
    for wrong in (
        "", "x", good[:-1] + ("0" if good[-1] != "0" else "1"), f"{prefix}.{payload}x.{mac}", token(viewer, external_id="1"),
        token(page.key, external_id="1"), token(marketer.key, external_id="1", until=timedelta(seconds=-1)),
        token(marketer.key, external_id="1", until=timedelta(hours=2)), token(marketer.key), token(marketer.key, external_id="1", email="a@b.example"),
        token(marketer.key, external_id="1", until=timedelta(minutes=5)).replace(".", ".."),
    ):  # fmt: skip
        answer = page("POST", "/identify", {"contact": ANON, "token": wrong})
        assert answer.status_code == 422, wrong
    with bank.unit() as session:
        assert session.execute(select(Visitor).where(Visitor.contact_id.is_not(None))).first() is None


def test_a_revoked_key_of_a_page_tells_nothing(bank: House, page: Page) -> None:
    with bank.unit() as session:
        session.execute(update(ApiKey).where(ApiKey.id == page.key_id).values(revoked_at=datetime.now(UTC)))
    assert page("POST", "/track", {"event": "page", "contact": ANON}).status_code == 401
