"""/templates from outside: with a key, over HTTP, as the specification says."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core.settings import Settings
from app.domain.access import keys
from app.domain.access.models import User
from app.domain.audit.models import AuditEntry
from app.factory import create_app
from tests.conftest import NUMBER, WORKER
from tests.factories import people
from tests.servers.throwaway import Servers
from tests.web.pages import House, house

NEW = {
    "name": "Notice", "channel": "sms", "message_class": "service",
    "texts": {"en": {"body": "Hello {{ contact.first_name }}"}, "he": {"body": "שלום"}},
}  # fmt: skip


class Caller:
    """Calls the API with one person's key."""

    def __init__(self, bank: House, role: str) -> None:
        self.client: FlaskClient = bank.app.test_client()
        with bank.unit() as session:
            user = session.get_one(User, bank.staff[role].id)
            self.key = keys.create(session, user, name=f"tests {role}", scopes=["*"], by=bank.staff[role])

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        auth = {"Authorization": f"Bearer {self.key}"}
        return self.client.open(f"/api/v1/templates{path}", method=method, json=body, headers=auth | named)


@pytest.fixture(scope="module")
def bank(servers: Servers) -> House:
    name = f"templates_api_{WORKER}"
    servers.copy(name)
    settings = Settings.from_env(servers.env(name, redis=NUMBER))
    made = house(create_app(settings), settings)
    with made.unit() as session:
        people.contacts(session, 3, prefix="55")
    return made


@pytest.fixture(scope="module")
def marketer(bank: House) -> Caller:
    return Caller(bank, "marketer")


@pytest.fixture(scope="module")
def viewer(bank: House) -> Caller:
    return Caller(bank, "viewer")


def test_a_template_lives_from_create_to_delete(marketer: Caller) -> None:
    made = marketer("POST", "", NEW)
    assert made.status_code == 201
    template = made.get_json()["data"]
    path = f"/{template['id']}"
    assert made.headers["Location"] == f"/api/v1/templates{path}"
    assert (template["version"], sorted(template["texts"])) == (1, ["en", "he"])
    got = marketer("GET", path)
    assert got.headers["ETag"] == '"1"'
    changed = marketer("PATCH", path, {"texts": {"en": {"body": "Two"}}}, If_Match='"1"')
    assert changed.get_json()["data"]["version"] == 2
    assert changed.get_json()["data"]["texts"] == {"en": {"subject": "", "preheader": "", "body": "Two"}}
    stale = marketer("PATCH", path, {"name": "x"}, If_Match='"1"')
    assert stale.status_code in (409, 412)
    numbers = [version["number"] for version in marketer("GET", f"{path}/versions").get_json()["data"]]
    assert numbers == [2, 1]
    assert marketer("GET", f"{path}/versions/1").get_json()["data"]["texts"]["he"]["body"] == "שלום"
    back = marketer("POST", f"{path}/versions/1/restore")
    assert back.get_json()["data"]["version"] == 3
    copy = marketer("POST", f"{path}/duplicate")
    assert copy.get_json()["data"]["name"] == "Notice (2)"
    listed = marketer("GET", "?channel=sms&q=notice").get_json()["data"]
    assert {one["id"] for one in listed} >= {template["id"], copy.get_json()["data"]["id"]}
    assert marketer("DELETE", path).status_code == 204
    assert marketer("PATCH", path, {"name": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"texts": {"en": {"body": "{{ contact.nothing }}"}}}, "texts.en.body"),
        ({"texts": {"en": {"body": "{% if %}"}}}, "texts.en.body"),
        ({"texts": {"fr": {"body": "x"}}}, "texts.fr.[key]"),
        ({"texts": {}}, "body"),
        ({"channel": "fax"}, "channel"),
        ({"name": ""}, "name"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_what_is_wrong_is_named(marketer: Caller, change: dict[str, Any], field: str) -> None:
    answer = marketer("POST", "", {**NEW, **change})
    assert answer.status_code == 422
    error = answer.get_json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    assert field in [detail["field"] for detail in error["details"]]


def test_a_preview_as_somebody(bank: House, marketer: Caller, viewer: Caller) -> None:
    path = f"/{marketer('POST', '', NEW).get_json()['data']['id']}"
    seen = marketer("POST", f"{path}/preview", {"external_id": "551"}).get_json()["data"]
    assert seen["body"] == "Hello D•••"
    assert seen["measure"]["parts"] == 1
    assert [found["message"] for found in seen["findings"]] == [
        "“contact.first_name” may be empty for some people: give it a default."
    ]
    clear = marketer("POST", f"{path}/preview", {"external_id": "551", "reveal": True}).get_json()["data"]
    assert clear["body"] == "Hello Dana1"
    with bank.unit() as session:
        assert session.execute(select(AuditEntry).where(AuditEntry.action == "contact.revealed")).scalars().all()
    assert viewer("POST", f"{path}/preview", {"external_id": "551"}).status_code == 403
    assert (
        marketer("POST", f"{path}/preview", {"external_id": "551", "language": "he"}).get_json()["data"]["body"]
        == "שלום"
    )
    unknown = marketer("POST", f"{path}/preview", {"external_id": "none"})
    assert unknown.status_code == 422
    assert unknown.get_json()["error"]["details"][0]["field"] == "external_id"


def test_a_check_says_what_blocks(marketer: Caller) -> None:
    texts = {"en": {"subject": "x", "body": "<p>Advertisement</p>"}}
    new = {"name": "News", "channel": "email", "message_class": "marketing", "texts": texts}
    path = f"/{marketer('POST', '', new).get_json()['data']['id']}"
    found = marketer("POST", f"{path}/check").get_json()["data"]
    assert [one["level"] for one in found] == ["error", "error", "warning"]
    assert found[0]["message"].startswith("A marketing message names the advertiser")
    assert found[1]["message"].startswith("A marketing e-mail needs a way to unsubscribe")


def test_a_post_is_answered_once_per_key(marketer: Caller) -> None:
    first = marketer("POST", "", NEW, Idempotency_Key="one-and-the-same")
    again = marketer("POST", "", NEW, Idempotency_Key="one-and-the-same")
    assert first.get_json()["data"]["id"] == again.get_json()["data"]["id"]


def test_readers_read_only(marketer: Caller, viewer: Caller) -> None:
    path = f"/{marketer('POST', '', NEW).get_json()['data']['id']}"
    assert viewer("GET", path).status_code == 200
    assert viewer("POST", "", NEW).status_code == 403
    assert viewer("PATCH", path, {"name": "x"}).status_code == 403
    assert viewer("DELETE", path).status_code == 403
