"""/contacts, /suppressions and /jobs from outside: with keys, over HTTP, as the specification says."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.core.settings import Settings
from app.domain.access import keys
from app.domain.access.models import User
from app.domain.contacts import properties
from app.domain.contacts.properties import PropertyInput
from app.domain.transfer import loading
from app.factory import create_app
from tests.conftest import NUMBER, WORKER
from tests.servers.throwaway import Servers
from tests.web.pages import House, house


class Caller:
    """Calls the API with one person's key."""

    def __init__(self, bank: House, role: str) -> None:
        self.client: FlaskClient = bank.app.test_client()
        with bank.unit() as session:
            user = session.get_one(User, bank.staff[role].id)
            self.key = keys.create(session, user, name=f"tests {role}", scopes=["*"], by=bank.staff[role])

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        return self.client.open(f"/api/v1{path}", method=method, json=body, headers=headers, **more)

    def data(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The data of a good answer."""
        answer = self(method, path, body, **more)
        assert answer.status_code < 300, answer.get_json()
        return answer.get_json()["data"]


@pytest.fixture(scope="module")
def settings(servers: Servers) -> Settings:
    name = f"contacts_api_{WORKER}"
    servers.copy(name)
    return Settings.from_env(servers.env(name, redis=NUMBER))


@pytest.fixture
def bank(settings: Settings) -> House:
    return house(create_app(settings), settings)


@pytest.fixture
def marketer(bank: House) -> Caller:
    return Caller(bank, "marketer")


@pytest.fixture
def viewer(bank: House) -> Caller:
    return Caller(bank, "viewer")


NOA = {
    "external_id": "7",
    "first_name": "Noa",
    "email": "noa@mail.example",
    "phone": "052-2000001",
    "tags": ["vip"],
    "groups": ["Acre"],
}


def test_a_contact_lives_from_create_to_restore(marketer: Caller) -> None:
    made = marketer("POST", "/contacts", NOA)
    assert made.status_code == 201
    contact = made.get_json()["data"]
    path = f"/contacts/{contact['id']}"
    assert made.headers["Location"] == f"/api/v1{path}"
    assert {name: contact[name] for name in NOA} == {**NOA, "phone": "+972522000001"}
    changed = marketer("PATCH", path, {"city": "Haifa"}, headers={"If-Match": made.headers["ETag"]})
    assert {name: changed.get_json()["data"][name] for name in ("city", "first_name", "version")} == {
        "city": "Haifa",
        "first_name": "Noa",
        "version": 2,
    }
    assert marketer("PATCH", path, {"city": "Acre"}, headers={"If-Match": made.headers["ETag"]}).status_code == 412
    assert marketer.data("PUT", path, {"external_id": "7", "email": "n@mail.example"})["city"] is None
    assert marketer("DELETE", path).status_code == 204
    assert marketer("GET", path).status_code == 404
    assert marketer.data("POST", f"{path}/restore")["deleted_at"] is None
    actions = [entry["action"] for entry in marketer.data("GET", f"{path}/history?per_page=200")]
    assert actions[-1] == "contact.created"
    assert "contact.restored" in actions


def test_errors_name_their_fields(marketer: Caller) -> None:
    for body, field in (
        ({"email": "x"}, "email"),
        ({"nonsense": 1}, "nonsense"),
        ({"first_name": "Noa"}, "external_id"),
    ):
        answer = marketer("POST", "/contacts", body)
        assert answer.status_code == 422
        assert answer.get_json()["error"]["details"][0]["field"] == field
    marketer.data("POST", "/contacts", NOA)
    assert marketer("POST", "/contacts", NOA).status_code == 409
    assert marketer("GET", "/contacts?updated_since=yesterday").status_code == 422


def test_a_list_is_filtered_and_masked_for_who_may_not_see(marketer: Caller, viewer: Caller) -> None:
    for number in range(3):
        named = {"first_name": "דנה", "last_name": ("לוי", "לב", "כהן")[number]}
        new = {"external_id": f"A{number}", "email": f"client{number}@mail.example", **named}
        marketer.data("POST", "/contacts", new)
    assert [row["email"] for row in marketer.data("GET", "/contacts?email=client1@mail.example")] == [
        "client1@mail.example"
    ]
    assert [row["external_id"] for row in marketer.data("GET", "/contacts?q=A&per_page=2")] == ["A2", "A1"]
    assert [row["external_id"] for row in marketer.data("GET", "/contacts?q=דנה ל")] == ["A1", "A0"]
    assert {row["last_name"] for row in viewer.data("GET", "/contacts?q=לוי")} == {"ל•••"}
    assert {row["email"] for row in viewer.data("GET", "/contacts")} == {"c•••@mail.example"}
    assert viewer.data("GET", "/contacts?updated_since=2999-01-01T00:00:00Z") == []
    assert viewer("POST", "/contacts", {"external_id": "9"}).status_code == 403


def test_consents_are_acts_with_a_proof(marketer: Caller) -> None:
    path = f"/contacts/{marketer.data('POST', '/contacts', NOA)['id']}/consents"
    granted = marketer.data("POST", path, {"state": "granted", "channels": ["sms"], "basis": "form 12"})
    assert granted["states"] == {"sms": "granted", "email": "unknown"}
    found = marketer.data("POST", path, {"state": "withdrawn", "basis": "call"})
    assert found["states"] == {"sms": "withdrawn", "email": "withdrawn"}
    assert [act["basis"] for act in marketer.data("GET", path)["acts"]] == ["call", "form 12"]


def test_suppressions_are_added_found_and_lifted(marketer: Caller, viewer: Caller) -> None:
    made = marketer.data("POST", "/suppressions", {"address": "0522000001", "channel": "sms"})
    again = marketer.data(
        "POST", "/suppressions", {"address": "+972522000001", "channel": "sms", "reason": "hard_bounce"}
    )
    assert (again["id"], again["reason"]) == (made["id"], "manual")
    assert marketer.data("GET", "/suppressions?address=052-2000001")[0]["address"] == "+972522000001"
    assert viewer.data("GET", "/suppressions?channel=sms")[0]["address"] == "+972•••••01"
    assert marketer("DELETE", f"/suppressions/{made['id']}").status_code == 422
    assert marketer("DELETE", f"/suppressions/{made['id']}?reason=asked").status_code == 204
    assert marketer.data("GET", "/suppressions") == []


def test_a_file_becomes_a_job_and_the_job_contacts(bank: House, marketer: Caller, viewer: Caller) -> None:
    content = "client_id;first_name;phone;balance\n1;Noa;0522000001;15000\n2;Dan;12;1\n;Gil;12;1\n"
    options = {"mapping": {"client_id": "external_id", "phone": "phone", "balance": "properties.worth"}}
    answer = marketer.client.post(
        "/api/v1/contacts/import",
        data={"file": (io.BytesIO(content.encode()), "people.csv"), "options": json.dumps(options)},
        headers={"Authorization": f"Bearer {marketer.key}"},
    )
    assert answer.status_code == 202, answer.get_json()
    job = answer.get_json()["data"]
    assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    assert job["state"] == "queued"
    loading.run(bank.unit, job["id"])
    done = viewer.data("GET", f"/jobs/{job['id']}")
    assert {name: done[name] for name in ("state", "rows", "created", "failed", "warned")} == {
        "state": "completed",
        "rows": 3,
        "created": 2,
        "failed": 1,
        "warned": 1,
    }
    (contact,) = marketer.data("GET", "/contacts?external_id=1")
    assert (contact["properties"], contact["first_name"]) == ({"worth": 15000}, None)
    assert [row["id"] for row in viewer.data("GET", "/jobs?kind=import")] == [job["id"]]
    assert marketer("POST", f"/jobs/{job['id']}/cancel").status_code == 409
    assert viewer("POST", f"/jobs/{job['id']}/cancel").status_code == 403


def sent(marketer: Caller, content: str, options: dict[str, Any]) -> TestResponse:
    """The answer to a file."""
    return marketer.client.post(
        "/api/v1/contacts/import",
        data={"file": (io.BytesIO(content.encode()), "לקוחות.csv"), "options": json.dumps(options)},
        headers={"Authorization": f"Bearer {marketer.key}"},
    )


def test_the_delimiter_may_be_named(marketer: Caller) -> None:
    job = sent(
        marketer, "id,city;note\n1,Haifa;x\n", {"delimiter": ";", "mapping": {"id,city": "external_id"}}
    ).get_json()["data"]
    assert (job["columns"], job["file_name"]) == (["id,city", "note"], "לקוחות.csv")
    assert sent(marketer, "id;b\n1;2\n", {"delimiter": "x"}).get_json()["error"]["details"][0]["field"] == "delimiter"


def test_the_file_of_a_refused_import_is_removed(bank: House, settings: Settings, marketer: Caller) -> None:
    assert sent(marketer, "b;c\n1;2\n", {}).status_code == 422
    folder = settings.data / "files" / str(bank.staff["marketer"].organisation_id)
    assert list(folder.iterdir()) == []


def test_unseen_characters_are_no_part_of_what_a_system_sends(marketer: Caller) -> None:
    body = {
        "external_id": "\u200ff7\u00ad", "email": "\u200bdana@mail.example\u200f", "phone": "\u2068052-2000001\u2069", "city": "Haifa\u200f",
        "tags": ["vip\u200f"],
    }  # fmt: skip
    made = marketer.data("POST", "/contacts", body)
    assert (made["external_id"], made["email"], made["city"], made["tags"]) == (
        "f7",
        "dana@mail.example",
        "Haifa",
        ["vip"],
    )
    assert marketer("POST", "/contacts", {"external_id": "f7\u2069"}).status_code == 409
    for asked in ("external_id=%E2%80%8Ff7", "tag=vip%E2%80%8F", "email=%E2%80%8Edana@mail.example", "q=%EF%BB%BFf7"):
        assert [one["id"] for one in marketer.data("GET", f"/contacts?{asked}")] == [made["id"]], asked


def test_a_moment_is_the_organisations_day(bank: House, marketer: Caller) -> None:
    with bank.unit() as session:
        for key, kind in (("born", "date"), ("balance", "number")):
            properties.define(session, PropertyInput(key=key, type=kind), by=bank.staff["marketer"])
    given = {"born": "1990-05-16T21:00:00.000Z", "balance": "(1,234.50 ₪)"}
    made = marketer.data("POST", "/contacts", {"external_id": "y1", "properties": given})
    assert made["properties"] == {"born": "1990-05-17", "balance": -1234.5}


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "file"),
        ({"file": (io.BytesIO(b""), "x.csv")}, "file"),
        ({"file": (io.BytesIO(b"id\n1\n"), "x.csv"), "options": "[]"}, "options"),
        ({"file": (io.BytesIO(b"id\n1\n"), "x.csv"), "options": '{"dedupe": "maybe"}'}, "dedupe"),
        ({"file": (io.BytesIO(b"id\n1\n"), "x.csv"), "options": '{"mapping": {"nope": "email"}}'}, "mapping"),
        ({"file": (io.BytesIO(b"id\n1\n"), "x.csv"), "options": '{"mapping": 7}'}, "mapping"),
    ],
)
def test_a_bad_file_or_bad_options_make_no_job(marketer: Caller, form: dict[str, Any], field: str) -> None:
    headers = {"Authorization": f"Bearer {marketer.key}"}
    answer = marketer.client.post(
        "/api/v1/contacts/import", data=form, headers=headers, content_type="multipart/form-data"
    )
    assert answer.status_code == 422
    assert answer.get_json()["error"]["details"][0]["field"] == field
    assert marketer.data("GET", "/jobs") == []


def test_changes_at_once_lose_nothing(bank: House) -> None:
    """Each names another field; what a body does not name stays as it is, also when it changes at this very moment."""
    mine = Caller(bank, "marketer")
    made = mine.data("POST", "/contacts", {"external_id": "at-once"})
    fields = {"city": "Haifa", "language": "he", "first_name": "Dana", "postal_code": "31000"}
    with ThreadPoolExecutor(len(fields)) as pool:
        sent = [
            pool.submit(Caller(bank, "marketer"), "PATCH", f"/contacts/{made['id']}", {name: value})
            for name, value in fields.items()
        ]
        assert {answer.result().status_code for answer in sent} == {200}
    kept = mine.data("GET", f"/contacts/{made['id']}")
    assert {name: kept[name] for name in ("city", "language", "postal_code")} == {
        k: v for k, v in fields.items() if k != "first_name"
    }
