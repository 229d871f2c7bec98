"""/segments from outside: with a key, over HTTP, as the specification says."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core import clock
from app.core.actor import system
from app.core.settings import Settings
from app.domain.access import keys
from app.domain.access.models import User
from app.domain.audit.models import AuditEntry
from app.domain.bank import programmes
from app.domain.bank.programmes import ProgrammeInput
from app.domain.contacts.models import Contact
from app.domain.events.models import Event
from app.factory import create_app
from tests.conftest import NUMBER, WORKER
from tests.domain.segments.told import refresh_all, tell_all
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


def test_a_segment_asks_for_names_and_shows_them_masked(marketer: Caller) -> None:
    named = {"kind": "field", "field": "first_name", "op": "starts_with", "value": "dana1"}
    last = {"kind": "field", "field": "last_name", "op": "neq", "value": "Cohen"}
    made = marketer("POST", "", {"name": "By name", "definition": {"where": {"all": [named, last]}}}).get_json()["data"]
    assert made["size"] == 1
    assert [part["value"] for part in made["definition"]["where"]["all"]] == ["dana1", "Cohen"], "he may see people"
    [listed] = marketer("GET", "?q=By name").get_json()["data"]
    assert [part["value"] for part in listed["definition"]["where"]["all"]] == ["d•••", "C•••"]
    said = marketer("GET", f"/{made['id']}/explain?contact=1").get_json()["data"]
    assert [(part["holds"], part["value"]) for part in said["conditions"]] == [(True, "D•••"), (True, "L•••")]
    assert marketer("GET", f"/{made['id']}/explain?contact=2").get_json()["data"]["in"] is False
    assert marketer("DELETE", f"/{made['id']}").status_code == 204


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


def test_whoever_may_not_see_balances_cannot_count_them_out(bank: House, marketer: Caller) -> None:
    rich = {"kind": "bank", "fact": "balance", "days": "every", "op": "gte", "value": "15000.00", "month": "2026-10"}
    for path in ("/count", "/preview"):
        assert marketer("POST", path, {"definition": {"where": rich}}).status_code == 200
        refused = Caller(bank, "viewer")("POST", path, {"definition": {"where": {"all": [rich]}}})
        assert refused.status_code == 422
        [detail] = refused.get_json()["error"]["details"]
        assert (detail["field"], "bank:read" in detail["issue"]) == ("definition.where.all[0]", True)


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


def keep_up(bank: House) -> None:
    with bank.unit() as session:
        tell_all(session)
        refresh_all(session)


def test_growth_and_moves_are_told(marketer: Caller, bank: House) -> None:
    segment = marketer("POST", "", {"name": "Grown", "definition": {"where": CITY}}).get_json()["data"]
    path = f"/{segment['id']}"
    assert marketer("GET", f"{path}/growth?days=1").get_json()["data"]["since"] is None
    keep_up(bank)
    told = marketer("GET", f"{path}/growth?days=2").get_json()["data"]
    assert [day["size"] for day in told["days"]] == [None, segment["size"]]
    assert len(marketer("GET", f"{path}/growth").get_json()["data"]["days"]) == 90
    for wrong in ("x", "0", "401", "-1"):
        assert marketer("GET", f"{path}/growth?days={wrong}").status_code == 422
    assert marketer("GET", f"{path}/moves").get_json()["data"] == []
    whole = marketer("GET", f"{path}/moves?whole=true&per_page=200").get_json()["data"]
    assert {(one["entered"], one["reason"], one["version"]) for one in whole} == {(True, "first_count", 1)}
    assert len(whole) == segment["size"]
    marketer("PATCH", path, {"definition": {"where": {"not": CITY}}})
    keep_up(bank)
    left = marketer("GET", f"{path}/moves?entered=false&per_page=200").get_json()["data"]
    assert {one["contact"] for one in left} == {one["contact"] for one in whole}
    assert {(one["entered"], one["reason"], one["version"]) for one in left} == {(False, "definition", 2)}
    assert {one["entered"] for one in marketer("GET", f"{path}/moves?entered=true").get_json()["data"]} == {True}
    assert marketer("GET", f"{path}/moves?entered=perhaps").status_code == 422


def test_versions_are_told_restored_and_brought_back(marketer: Caller, bank: House) -> None:
    secret = {"kind": "field", "field": "email", "op": "eq", "value": "client1@mail.example"}
    made = marketer("POST", "", {"name": "Versioned", "definition": {"where": secret}})
    path = f"/{made.get_json()['data']['id']}"
    changed = marketer("PATCH", path, {"name": "Versioned anew", "definition": {"where": CITY}})
    new, old = marketer("GET", f"{path}/versions").get_json()["data"]
    assert (new["number"], old["number"], old["changes"], old["by"]["name"]) == (2, 1, None, "Marketer")
    assert new["changes"]["name"] == {"before": "Versioned", "after": "Versioned anew"}
    assert new["changes"]["added"] == [CITY]
    assert "client1@" not in json.dumps([new, old])
    assert marketer("POST", f"{path}/versions/1/restore", If_Match=made.headers["ETag"]).status_code in (409, 412)
    restored = marketer("POST", f"{path}/versions/1/restore", If_Match=changed.headers["ETag"]).get_json()["data"]
    assert (restored["version"], restored["name"], restored["size"]) == (3, "Versioned anew", 1)
    assert marketer("GET", f"{path}/versions").get_json()["data"][0]["restored_from"] == 1
    assert marketer("POST", f"{path}/versions/9/restore").status_code == 404
    assert marketer("DELETE", path).status_code == 204
    assert marketer("POST", f"{path}/versions/2/restore").status_code == 409
    assert "unarchive" in marketer("GET", path).get_json()["data"]["actions"]
    assert marketer("POST", f"{path}/unarchive").get_json()["data"]["archived_at"] is None
    viewer = Caller(bank, "viewer")
    assert viewer("GET", f"{path}/versions").status_code == 200
    assert viewer("POST", f"{path}/versions/1/restore").status_code == 403
    assert viewer("POST", f"{path}/unarchive").status_code == 403


def test_overlaps_are_told(marketer: Caller) -> None:
    ids = [
        marketer("POST", "", {"name": name, "definition": {"where": where}}).get_json()["data"]["id"]
        for name, where in (("In Haifa", CITY), ("Elsewhere", {"not": CITY}), ("Everybody", {"all": []}))
    ]
    told = marketer("GET", f"/overlap?segments={','.join(ids)}").get_json()["data"]
    assert told["together"] == sum(part["size"] for part in told["parts"])
    assert [one["name"] for one in told["segments"]] == ["In Haifa", "Elsewhere", "Everybody"]
    sizes = {tuple(part["in"]): part["size"] for part in told["parts"]}
    assert sizes[(ids[0], ids[2])] == told["segments"][0]["size"]
    assert sizes[tuple(ids)] == 0
    for wrong, status in ((ids[0], 422), (f"{ids[0]},x", 422), ("", 422), (f"{ids[0]},{UUID(int=0)}", 404)):
        assert marketer("GET", f"/overlap?segments={wrong}").status_code == status


def test_the_whole_grammar_is_counted_said_and_explained(bank: House, marketer: Caller) -> None:
    with bank.unit() as session:
        programme = programmes.create(session, ProgrammeInput(name="Premium"), by=system(bank.organisation_id))
        one = session.execute(select(Contact).where(Contact.external_id == "1")).scalar_one()
        for name, ago in (("quote", 2), ("purchase", 1)):
            at = clock.now() - timedelta(hours=ago)
            session.add(
                Event(
                    organisation_id=bank.organisation_id, contact_id=one.id, name=name, properties={"amount": 5000.5},
                    source="api", is_verified=True, occurred_at=at, received_at=at,
                )
            )  # fmt: skip
    parts: list[dict[str, Any]] = [
        {"kind": "event", "event": "quote", "op": "gte", "value": 1, "within": {"last": 30, "unit": "days"}},
        {"kind": "event", "event": "purchase", "measure": "sum", "property": "amount", "op": "gte", "value": 5000},
        {"kind": "event", "event": "purchase", "measure": "last", "op": "in_last", "value": {"last": 3, "unit": "days"}},
        {"kind": "sequence", "first": {"event": "quote"}, "then": {"event": "purchase"}, "within": {"last": 14, "unit": "days"}},
        {"not": {"kind": "bank", "fact": "balance", "days": "every", "op": "gte", "value": "15000.00", "month": "2026-10"}},
        {"not": {"kind": "bank", "fact": "outcome", "programme": str(programme.id), "month": "previous"}},
        {"kind": "field", "field": "last_activity_at", "op": "in_last", "value": 1},
    ]  # fmt: skip
    definition = {"where": {"all": parts}}
    counted = marketer("POST", "/count", {"definition": definition}).get_json()["data"]
    assert counted["count"] == 1
    assert [part["count"] for part in counted["conditions"]] == [1, 1, 1, 1, 0, 0, 1]
    assert "the sum of “amount” of the events “purchase” is at least 5000" in counted["words"]
    path = f"/{marketer('POST', '', {'name': 'Behaviour', 'definition': definition}).get_json()['data']['id']}"
    told = marketer("GET", f"{path}/explain?contact=1").get_json()["data"]
    assert told["in"] is True
    values = [part["value"] for part in told["conditions"]]
    assert values[:2] == [1, "5000.5"]
    assert values[3]["first"] < values[3]["then"] == values[2] == values[6]
    assert values[4] == {"days": 31, "fitting": 0, "day": "2026-10-01", "amount": None}
    nobody = marketer("GET", f"{path}/explain?contact=2").get_json()["data"]
    assert [part["value"] for part in nobody["conditions"]][:4] == [0, "0", None, None]
    hidden = Caller(bank, "viewer")("GET", f"{path}/explain?contact=1").get_json()["data"]["conditions"]
    assert [part["value"] for part in hidden][4] is None, "balances are for those who may see the bank's pages"
