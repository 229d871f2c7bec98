"""A month in the browser and over the API: overridden, submitted, sent back, approved by another, released, told."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.core import clock, nouns
from app.core.actor import system
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import keys
from app.domain.access.models import User
from app.domain.bank import files, programmes, qualification, release
from app.domain.bank.files import FileInput
from app.domain.bank.models import Outcome, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from app.domain.contacts.models import Contact
from app.domain.content import library
from app.domain.content.library import Said, TemplateInput
from app.domain.outbox.relay import relay_one
from tests.api.test_contacts import Caller
from tests.factories import people, sending
from tests.web.campaigning import Campaigning
from tests.web.pages import House, house
from tests.web.test_bank import a_month, calculated, taken
from tests.web.test_campaigns import shown

REASON = "Seen on the statement: the branch confirmed it."


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    with clock.at(datetime(2026, 11, 28, 9, tzinfo=UTC)):
        yield


@pytest.fixture
def bank(page_app: Flask, page_settings: Settings) -> House:
    made = house(page_app, page_settings, roles=("bank_officer", "admin", "auditor", "marketer"))
    by = system(made.organisation_id)
    with made.unit() as session:
        people.contacts(session, 3)
        sending.account(session)
        said = Said(
            body="Hello {{ contact.first_name | default: 'you' }}, {{ values.month }} counted for {{ values.programme }}."
        )
        text = TemplateInput(name="Month", channel="sms", message_class="service", texts={"en": said})
        template_id = library.create(session, text, by=by).id
        programmes.create(session, ProgrammeInput(name="Premium", template_id=template_id), by=by)
    return made


@pytest.fixture
def run_id(bank: House) -> UUID:
    """October of three: one qualified, one did not, one has a day without a value."""
    call = Caller(bank, "bank_officer")
    call.data("POST", "/bank/balances/check", {"from": "2026-10-01", "to": "2026-10-31"})
    taken(bank, a_month())
    programme = call.data("GET", "/bank/programmes")[0]["id"]
    made = call.data("POST", "/bank/runs", {"programme": programme, "month": "2026-10"})["result"]["run_id"]
    calculated(bank)
    return UUID(made)


def customer(bank: House, number: str) -> UUID:
    with bank.unit() as session:
        return session.execute(select(Contact.id).where(Contact.external_id == number)).scalar_one()


def waived(bank: House, run_id: UUID, prefix: str = "") -> dict[str, str]:
    """A reason for every gate that did not pass."""
    with bank.unit() as session:
        gates = session.get_one(QualificationRun, run_id).gates or []
    return {f"{prefix}{gate['code']}": "Looked at with the core bank." for gate in gates if gate["verdict"] == "block"}


def made(bank: House, run_id: UUID) -> None:
    while True:
        with bank.unit() as session:
            if not release.make_some(session, run_id):
                return


def test_a_month_goes_from_the_officer_to_another_person_and_to_those_who_qualified(bank: House, run_id: UUID) -> None:
    officer, approver = bank.browser("bank_officer"), bank.browser("admin")
    page = f"/bank/runs/{run_id}"
    override = f"{page}/customers/{customer(bank, '2')}/override"
    officer.get(override)
    assert "at least" in shown(officer.post(override, {"outcome": "qualified", "reason": "short"})).lower()
    assert officer.post(override, {"outcome": "qualified", "reason": REASON}).status_code == 303
    assert ">2</bdi>" in officer.get("/bank?month=2026-10").get_data(as_text=True), "the list of runs counts it, too"
    overridden = shown(officer.get(f"{page}?which=overridden"))
    assert REASON in overridden
    assert "calculated: Indeterminate" in overridden
    drawn = f"{page}/sample/{customer(bank, '0')}"
    assert officer.post(drawn, {"found": "right"}).status_code == 303
    assert "1 of 3 checked" in shown(officer.get(page))
    assert "31 (at least 31)" in shown(officer.get(page))
    assert "(at most 0" in shown(officer.get(page))
    reasons = waived(bank, run_id, "waived.")
    if reasons:
        assert ", at least 98)" in shown(officer.get(f"{page}/submit"))
        assert "Say in a sentence" in shown(officer.post(f"{page}/submit", dict.fromkeys(reasons, "no")))
    assert f'href="{page}"' in officer.get("/").get_data(as_text=True), "the dashboard says that a month waits"
    assert officer.post(f"{page}/submit", reasons).status_code == 303
    review = shown(approver.get(f"{page}/review"))
    assert REASON in review
    assert "October 2026 counted for Premium" in review
    seen = {"seen": str(_request(bank, run_id)), "sure": "y"}
    assert approver.post(f"{page}/reject", {**seen, "note": ""}).status_code == 422
    assert approver.post(f"{page}/reject", {**seen, "note": "Who is the branch?"}).status_code == 303
    assert "Who is the branch?" in shown(officer.get(page))
    officer.get(f"{page}/submit")
    officer.post(f"{page}/submit", reasons)
    assert "What changed since the last request" in shown(approver.get(f"{page}/review"))
    assert approver.post(f"{page}/approve", seen).status_code == 409, "that was another request"
    seen["seen"] = str(_request(bank, run_id))
    assert approver.post(f"{page}/approve", seen).status_code == 303
    assert officer.post(f"{page}/release").status_code == 403
    assert approver.post(f"{page}/release").status_code == 303
    assert "0 of 2 were handed over" in shown(approver.get(page)), "all that are to be told, from the beginning"
    made(bank, run_id)
    Campaigning(bank, UUID(int=0)).dispatch()
    _relayed(bank)
    done = shown(officer.get(page))
    assert "Completed" in done
    with clock.at(clock.now() + timedelta(minutes=2)):
        happened = shown(officer.get(f"{page}/events"))
        assert "Balances of a day verified" in happened
        assert happened.rindex("Month completed") < happened.rindex("Month released"), "the newest first"
        assert happened.rindex("Month approved") < happened.rindex("Balances of a day verified")
        assert happened.index("/api/v1/") > happened.index("Month completed"), "the address for systems is no headline"
        part = officer.get(f"{page}/events?per_page=10", htmx=True).get_data(as_text=True)
        assert part.startswith('<div id="events">'), "the pager exchanges the list"
        assert "Month completed" not in shown(officer.get(f"{page}/events?type=notification.sent")).split("Time")[-1]
    late = (
        (approver, "release"),
        (approver, "pause"),
        (approver, "resume"),
        (approver, "call-off"),
        (officer, "withdraw"),
    )
    for person, verb in late:
        answer = person.post(f"{page}/{verb}")
        assert (answer.status_code, answer.location) == (303, page), verb
        assert re.search("so this is not possible|No release is planned", shown(person.get(page))), verb
    assert approver.post(f"{page}/release", htmx=True).status_code == 409, "a toast"
    refused = officer.post(override, {"outcome": "not_qualified", "reason": REASON})
    assert (refused.status_code, REASON in refused.text) == (422, True), "what was typed is still there"
    assert "so this is not possible" in shown(refused)


def _request(bank: House, run_id: UUID) -> UUID | None:
    with bank.unit() as session:
        return session.get_one(QualificationRun, run_id).approval_id


def _relayed(bank: House) -> None:
    """Whoever waits for what has happened hears of it."""
    opener = partial(unit_of_work, bank.factory, system(bank.organisation_id))
    heard = {consumer.name: consumer for consumer in nouns.every(lambda noun: noun.hears)}
    while relay_one(opener, heard):
        pass


def test_the_same_over_the_api_with_a_key_that_may(bank: House, run_id: UUID) -> None:
    officer, auditor = Caller(bank, "bank_officer"), Caller(bank, "auditor")
    page = f"/bank/runs/{run_id}"
    said: dict[str, Any] = {"external_id": "2", "outcome": "qualified", "reason": REASON}
    assert officer("POST", f"{page}/overrides", {**said, "evidence": "not base64!"}).status_code == 422
    assert auditor("POST", f"{page}/overrides", said).status_code == 403
    evidence = {"evidence": "JVBERi0xLjc=", "evidence_name": "statement.pdf"}
    assert officer.data("POST", f"{page}/overrides", {**said, **evidence})["evidence_name"] == "statement.pdf"
    run = officer.data("GET", page)
    assert {one["code"]: one["bound"] for one in run["gates"]}.items() >= {
        "coverage": "least",
        "conflicts": "most",
    }.items()
    assert (run["totals"]["qualified"], run["overridden"]) == (2, 1)
    assert officer.data("GET", "/bank/runs")[0]["totals"] == run["totals"]
    [one] = officer.data("GET", f"{page}/outcomes?which=overridden")
    assert (one["external_id"], one["outcome"], one["calculated"]) == ("2", "qualified", "indeterminate")
    assert officer.data("DELETE", f"{page}/overrides/2") == {"external_id": "2"}
    officer.data("POST", f"{page}/overrides", said)
    drawn = officer.data("GET", f"{page}/sample")
    assert len(drawn) == 3
    assert officer.data("PUT", f"{page}/sample/0", {"is_right": True})["is_right"] is True
    assert "submit" in run["actions"]
    submitted = officer.data("POST", f"{page}/submit", {"waived": waived(bank, run_id)})
    assert submitted["state"] == "in_review"
    assert officer.data("POST", f"{page}/withdraw")["state"] == "calculated"
    submitted = officer.data("POST", f"{page}/submit", {"waived": waived(bank, run_id)})
    seen = {"approval_id": submitted["approval_id"]}
    assert officer("POST", f"{page}/approve", seen).status_code == 403
    approver = _with_scopes(bank, ["*", "bank:approve", "bank:release"])
    assert approver.data("POST", f"{page}/approve", seen)["state"] == "approved"
    assert approver.data("POST", f"{page}/release")["state"] == "released"
    assert approver("POST", f"{page}/release").status_code == 409
    made(bank, run_id)
    assert officer.data("GET", page)["told"] == {"queued": 2}
    with clock.at(clock.now() + timedelta(minutes=2)):
        [one] = officer.data("GET", f"{page}/events?type=qualification.released")
        assert (one["run"], one["correlation_id"], one["status"]) == (str(run_id), str(run_id), "released")
        assert officer("GET", f"{page}/events?type=balances.told").status_code == 422
    assert officer.data("POST", f"{page}/pause")["state"] == "paused"
    asked = officer.data("POST", f"{page}/resume")
    assert approver.data("POST", f"/approvals/{asked['id']}/approve", {})["state"] == "approved"
    assert officer.data("GET", page)["state"] == "released"


def _with_scopes(bank: House, scopes: list[str]) -> Caller:
    caller = Caller(bank, "admin")
    with bank.unit() as session:
        user = session.get_one(User, bank.staff["admin"].id)
        caller.key = keys.create(session, user, name="decides", scopes=scopes, by=bank.staff["admin"])
        keys.of_whole(session, caller.key).is_waiting = False
    return caller


def test_the_numbers_stand_beside_those_of_the_month_before(bank: House, run_id: UUID) -> None:
    officer, page = bank.browser("bank_officer"), f"/bank/runs/{run_id}"
    assert "since" not in shown(officer.get(page)), "the first month has none"
    call = Caller(bank, "bank_officer")
    assert call.data("GET", page)["month_before"] is None
    with bank.unit() as session:
        run = session.get_one(QualificationRun, run_id)
        names = ("organisation_id", "programme_id", "programme_version_id", "created_at", "calculated_at")
        then = {name: getattr(run, name) for name in names}
        totals = {"customers": 1_003, "qualified": 0, "not_qualified": 1_002, "indeterminate": 1}
        september = QualificationRun(**then, month=date(2026, 9, 1), version=1, state="completed", totals=totals)
        session.add(september)
    numbers = shown(officer.get(page))
    assert "-1,000 since September 2026" in numbers
    assert "+1 since September 2026" in numbers
    assert "as in September 2026" in numbers
    assert call.data("GET", page)["month_before"] == {"id": str(september.id), "month": "2026-09", "totals": totals}


def test_a_release_is_planned_and_called_off_on_the_page(bank: House, run_id: UUID) -> None:
    approver, page = bank.browser("admin"), f"/bank/runs/{run_id}"
    officer = Caller(bank, "bank_officer")
    assert approver.get(page).status_code == 200
    assert approver.post(f"{page}/plan", {"at": "2026-11-29T09:30"}).status_code == 422, "it is not approved"
    officer.data("POST", f"{page}/submit", {"waived": waived(bank, run_id)})
    approver.get(f"{page}/review")
    approver.post(f"{page}/approve", {"seen": str(_request(bank, run_id)), "sure": "y"})
    assert "Date and time" in shown(approver.get(f"{page}/plan"))
    for wrong in ("", "2026-11-27T09:30", "2027-03-01T09:30", "tomorrow"):
        assert approver.post(f"{page}/plan", {"at": wrong}).status_code == 422
    assert approver.post(f"{page}/plan", {"at": "2026-11-29T09:30"}).status_code == 303
    assert officer.data("GET", page)["planned_for"] == "2026-11-29T07:30:00.000Z", "half past nine in Jerusalem"
    assert 'value="2026-11-29T09:30"' in approver.get(f"{page}/plan").get_data(as_text=True)
    looks = bank.browser("bank_officer")
    assert "planned its release for" in shown(looks.get(page))
    assert "was=planned" in looks.get(page).get_data(as_text=True), "the page follows what becomes of it"
    assert looks.post(f"{page}/call-off").status_code == 303
    assert "planned its release for" not in shown(looks.get(page))
    assert looks.post(f"{page}/call-off").status_code == 303
    assert "No release is planned" in shown(looks.get(page))
    with bank.unit() as session:
        session.get_one(QualificationRun, run_id).plan_failure = "No release is planned."
    assert "The planned release did not begin: No release is planned." in shown(looks.get(page))


def test_a_release_is_planned_and_called_off_over_the_api(bank: House, run_id: UUID) -> None:
    officer, page = Caller(bank, "bank_officer"), f"/bank/runs/{run_id}"
    submitted = officer.data("POST", f"{page}/submit", {"waived": waived(bank, run_id)})
    approver = _with_scopes(bank, ["*", "bank:approve", "bank:release"])
    approver.data("POST", f"{page}/approve", {"approval_id": submitted["approval_id"]})
    assert approver("POST", f"{page}/release", {"at": "2026-11-27T09:30:00Z"}).status_code == 422
    assert approver("POST", f"{page}/release", {"at": "2026-11-29T09:30:00"}).status_code == 422, "of which zone?"
    run = approver.data("POST", f"{page}/release", {"at": "2026-11-29T09:30:00+02:00"})
    assert (run["state"], run["planned_for"]) == ("approved", "2026-11-29T07:30:00.000Z")
    assert "call_off" in run["actions"]
    assert officer.data("DELETE", f"{page}/release")["planned_for"] is None
    assert officer("DELETE", f"{page}/release").status_code == 409


def test_what_does_not_exist_is_said_and_nothing_breaks(bank: House, run_id: UUID) -> None:
    officer = bank.browser("bank_officer")
    nobody = UUID(int=7)
    assert officer.get(f"/bank/runs/{run_id}/customers/{nobody}/override").status_code == 404
    assert officer.get(f"/bank/overrides/{nobody}/evidence").status_code == 404
    assert officer.post(f"/bank/runs/{run_id}/sample/{nobody}", {"found": "right"}).status_code == 404
    assert officer.get(f"/bank/runs/{run_id}?outcome=rich&which=poor").status_code == 200
    assert officer.get(f"/bank/runs/{run_id}/falls").status_code == 200
    call = Caller(bank, "bank_officer")
    assert call("GET", f"/bank/runs/{run_id}/outcomes?which=poor").status_code == 422
    assert (
        call(
            "POST", f"/bank/runs/{run_id}/overrides", {"external_id": "99", "outcome": "qualified", "reason": REASON}
        ).status_code
        == 404
    )
    with bank.unit() as session:
        assert session.execute(select(Outcome)).first()
        assert qualification.get(session, run_id, by=system(bank.organisation_id)).state == "calculated"


def test_evidence_comes_back_whatever_it_was_called(bank: House, run_id: UUID) -> None:
    officer, call = bank.browser("bank_officer"), Caller(bank, "bank_officer")
    body = {
        "external_id": "2", "outcome": "qualified", "reason": REASON, "evidence": "JVBERi0xLjc=",
        "evidence_name": "a\r\nSet-Cookie: x\u202e.pdf",
    }  # fmt: skip
    made = call.data("POST", f"/bank/runs/{run_id}/overrides", body)
    answer = officer.get(f"/bank/overrides/{made['id']}/evidence")
    assert (answer.status_code, answer.get_data()) == (200, b"%PDF-1.7")
    assert "Set-Cookie" not in answer.headers or "x" not in answer.headers.getlist("Set-Cookie")


def test_a_file_over_the_api_is_signed_or_waits_for_somebody(bank: House) -> None:
    call = Caller(bank, "bank_officer")
    text = b"external_id,date,amount,currency\n1,2026-10-10,15000.00,ILS\n"
    said = {"day": "2026-10-10", "rows": "1", "control_total": "15000.00"}

    def sent(**more: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {call.key}"}
        return call.client.post("/api/v1/bank/balances/files", data={**said, **more}, headers=headers)

    assert sent().get_json()["error"]["details"][0]["field"] == "file"
    asked = sent(file=(BytesIO(text), "o.csv"))
    assert asked.status_code == 202
    assert asked.get_json()["data"]["approval_id"]
    key = files.signature("of the bank", FileInput.model_validate(said), text)
    settings = bank.app.config["SETTINGS"]
    with bank.unit() as session:
        session.info["settings"] = replace(settings, core_bank_secret="of the bank")
        by = bank.staff["bank_officer"]
        row = files.receive(session, FileInput.model_validate(said), "o.csv", text, key, by=by)
        assert (row.state, row.is_signed) == ("queued", True), "what waited needs nobody once it is signed"
    page = shown(bank.browser("bank_officer").get("/bank/files"))
    assert "signed" in page


def test_a_file_of_balances_takes_two_people_on_its_page_and_over_the_api(bank: House) -> None:
    officer, call = bank.browser("bank_officer"), Caller(bank, "bank_officer")
    text = b"external_id,date,amount,currency\n0,2026-10-09,15000.00,ILS\n"
    officer.get("/bank/files/new")
    said = {"day": "2026-10-09", "rows": "1", "control_total": "15000.00"}
    assert "Choose a file." in shown(officer.post("/bank/files/new", said))
    sent = {**said, "file": (BytesIO(text), "october.csv")}
    assert officer.post("/bank/files/new", sent).status_code == 303
    listed = shown(officer.get("/bank/files"))
    assert "october.csv" in listed
    assert "Waiting" in listed
    Campaigning(bank, UUID(int=0)).granted("admin")
    with bank.unit() as session:
        [file_id] = files.waiting(session)
        files.load(session, file_id)
    [row] = call.data("GET", "/bank/balances/files")
    assert (row["state"], row["kept"], row["day"]) == ("taken", 1, "2026-10-09")
    assert call.data("GET", f"/bank/balances/files/{row['id']}")["digest"] == sha256(text).hexdigest()
    again = {**said, "file": (BytesIO(text), "october.csv")}
    assert officer.post("/bank/files/new", again).status_code == 409
    form = {**said, "signature": "00", "file": (BytesIO(text), "o.csv")}
    headers = {"Authorization": f"Bearer {call.key}"}
    refused = call.client.post("/api/v1/bank/balances/files", data=form, headers=headers)
    assert refused.status_code == 422
    assert bank.browser("auditor").get("/bank/files/new").status_code == 403
