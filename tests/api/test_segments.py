"""/segments from outside: with a key, over HTTP, as the specification says."""

import json
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

CITY = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}


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
        return self.client.open(f"/api/v1/segments{path}", method=method, json=body, headers=auth | named)


@pytest.fixture(scope="module")
def bank(servers: Servers) -> House:
    name = f"segments_api_{WORKER}"
    servers.copy(name)
    settings = Settings.from_env(servers.env(name, redis=NUMBER))
    made = house(create_app(settings), settings)
    with made.unit() as session:
        people.contacts(session, 7, city="Haifa")
        people.contacts(session, 3, start=7, city="Eilat")
    return made


@pytest.fixture(scope="module")
def marketer(bank: House) -> Caller:
    return Caller(bank, "marketer")


def test_a_segment_lives_from_create_to_delete(marketer: Caller) -> None:
    made = marketer("POST", "", {"name": "Haifa", "definition": {"where": {"all": [CITY]}}})
    assert made.status_code == 201
    segment = made.get_json()["data"]
    path = f"/{segment['id']}"
    assert made.headers["Location"] == f"/api/v1/segments{path}"
    assert (segment["size"], segment["version"]) == (7, 1)
    assert segment["definition"] == {"version": 1, "zone": "organisation", "where": {"all": [CITY]}}
    got = marketer("GET", path)
    assert got.get_json()["data"] == segment
    changed = marketer("PATCH", path, {"description": "The north"}, If_Match=got.headers["ETag"])
    assert changed.get_json()["data"]["version"] == 2
    assert marketer("PATCH", path, {"name": "x"}, If_Match=got.headers["ETag"]).status_code in (409, 412)
    assert [s["id"] for s in marketer("GET", "?q=hai").get_json()["data"]] == [segment["id"]]
    acts = [act["action"] for act in marketer("GET", f"{path}/history").get_json()["data"]]
    assert acts == ["segment.changed", "segment.created"]
    assert marketer("DELETE", path).status_code == 204
    assert marketer("GET", "").get_json()["data"] == []
    assert marketer("GET", "?archived=1").get_json()["data"][0]["archived_at"]


def test_what_is_not_kept_is_counted_and_shown(marketer: Caller) -> None:
    counted = marketer("POST", "/count", {"definition": {"where": {"all": [CITY, {"not": CITY}]}}}).get_json()["data"]
    assert (counted["count"], counted["of"]) == (0, 10)
    assert counted["conditions"] == [{"path": "where.all[0]", "count": 7}, {"path": "where.all[1].not", "count": 7}]
    assert "“Haifa”" in counted["words"]
    shown = marketer("POST", "/preview", {"definition": {"where": CITY}, "limit": 3}).get_json()
    assert (len(shown["data"]), shown["meta"]["total"]) == (3, 7)
    assert "first_name" not in shown["data"][0]


def test_mistakes_are_named_from_the_body_on(marketer: Caller) -> None:
    wrong = {"where": {"all": [CITY, {"kind": "field", "field": "engagement_score", "op": "gt", "value": "x"}]}}
    for method, path, body in (
        ("POST", "/count", {"definition": wrong}),
        ("POST", "", {"name": "x", "definition": wrong}),
    ):
        refused = marketer(method, path, body)
        assert refused.status_code == 422
        assert [d["field"] for d in refused.get_json()["error"]["details"]] == ["definition.where.all[1].value"]
    assert marketer("POST", "/count", {"definition": {"where": CITY}, "colour": 1}).status_code == 422
    assert marketer("POST", "/count").status_code == 422


def test_the_same_key_makes_one_segment(marketer: Caller) -> None:
    body = {"name": "Once", "definition": {"where": CITY}}
    first, again = (marketer("POST", "", body, Idempotency_Key="once-1") for _ in range(2))
    assert first.get_json()["data"] == again.get_json()["data"]
    assert marketer("POST", "", body).status_code == 422
    assert marketer("POST", "", body | {"name": "Other"}, Idempotency_Key="once-1").status_code == 409


def test_members_are_paged_explained_and_recounted(marketer: Caller, bank: House) -> None:
    segment = marketer("POST", "", {"name": "All of Haifa", "definition": {"where": CITY}}).get_json()["data"]
    path = f"/{segment['id']}"
    page = marketer("GET", f"{path}/contacts?per_page=5").get_json()
    assert len(page["data"]) == 5
    rest = marketer("GET", page["links"]["next"].removeprefix("/api/v1/segments")).get_json()["data"]
    assert len({c["id"] for c in page["data"] + rest}) == 7
    said = marketer("GET", f"{path}/explain?contact=8").get_json()["data"]
    assert (said["in"], said["conditions"][0]["holds"], said["conditions"][0]["value"]) == (False, False, "Eilat")
    assert marketer("GET", f"{path}/explain?contact={page['data'][0]['id']}").get_json()["data"]["in"] is True
    assert marketer("GET", f"{path}/explain?contact=nobody").status_code == 404
    assert marketer("GET", f"{path}/explain").status_code == 422
    with bank.unit() as session:
        people.contacts(session, 1, start=50, city="Haifa")
    assert marketer("POST", f"{path}/recount").get_json()["data"]["size"] == 8


def test_a_viewer_reads_and_writes_nothing(bank: House, marketer: Caller) -> None:
    viewer = Caller(bank, "viewer")
    segment = marketer("POST", "", {"name": "Seen", "definition": {"where": CITY}}).get_json()["data"]
    assert viewer("GET", f"/{segment['id']}").status_code == 200
    assert viewer("PATCH", f"/{segment['id']}", {"name": "x"}).status_code == 403
    assert viewer("DELETE", f"/{segment['id']}").status_code == 403
    assert viewer("POST", "", {"name": "y", "definition": {"where": CITY}}).status_code == 403


def test_who_stands_in_a_definition_is_masked_or_the_look_is_logged(bank: House, marketer: Caller) -> None:
    where = {"kind": "field", "field": "email", "op": "eq", "value": "client3@mail.example"}
    path = f"/{marketer('POST', '', {'name': 'One', 'definition': {'where': where}}).get_json()['data']['id']}"
    assert marketer("GET", path).get_json()["data"]["definition"]["where"] == where
    for body in (
        Caller(bank, "viewer")("GET", path),
        marketer("GET", "?q=One"),
        marketer("GET", f"{path}/explain?contact=0"),
    ):
        assert body.status_code == 200
        assert "client3" not in body.text
        assert "•••@mail.example" in json.dumps(body.get_json(), ensure_ascii=False)
    with bank.unit() as session:
        looks = select(AuditEntry).where(AuditEntry.action == "segment.revealed", AuditEntry.subject_id == path[1:])
        assert len(session.execute(looks).all()) == 2, "made and read"
