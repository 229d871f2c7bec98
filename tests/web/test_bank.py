"""The bank's month on its pages and over the API: a programme takes two people, a month is taken, calculated and explained."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import clock
from app.core.actor import system
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.bank import balances, programmes, qualification
from app.domain.bank.models import QualificationRun
from tests.api.test_contacts import Caller
from tests.domain.bank.feed import Feed, october, record
from tests.factories import people, sending
from tests.web.campaigning import Campaigning
from tests.web.pages import House, house
from tests.web.test_campaigns import shown

GOOD = ["15000.00"] * 31
PREMIUM = {"name": "Premium", "threshold": "15000.00", "currency": "ILS", "rule": "every", "calendar": "value"}
PREMIUM |= {"opening": "missing", "most_attempts": "3", "retry_hours": "6"}


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    with clock.at(datetime(2026, 11, 28, 9, tzinfo=UTC)):
        yield


@pytest.fixture
def first_bank(page_app: Flask, page_settings: Settings) -> House:
    made = house(page_app, page_settings, roles=("bank_officer", "auditor", "viewer"))
    with made.unit() as session:
        people.contacts(session, 3)
    return made


def taken(bank: House, feed: Feed) -> None:
    unit = sending.alone(partial(unit_of_work, bank.factory, system(bank.organisation_id)))
    balances.take_all(unit, lambda: feed)


def premium(bank: House) -> UUID:
    with bank.unit() as session:
        new = programmes.ProgrammeInput.model_validate(PREMIUM)
        return programmes.create(session, new, by=system(bank.organisation_id)).id


def a_month() -> Feed:
    feed = october({"0": GOOD, "1": [*GOOD[:8], "14000.00", *GOOD[9:]], "2": [*GOOD[:16], None, *GOOD[17:]]})
    feed.records["2026-10-20"].append(record("0", "2026-10-20", "none", version=2))
    return feed


def calculated(bank: House) -> None:
    for run_id in _waiting(bank):
        with bank.unit() as session:
            qualification.calculate(session, run_id)


def _waiting(bank: House) -> list[UUID]:
    with bank.unit() as session:
        return qualification.waiting(session)


def test_a_programme_takes_two_people(first_bank: House) -> None:
    officer = first_bank.browser("bank_officer")
    officer.get("/bank/programmes/new")
    assert "Days" in shown(officer.post("/bank/programmes/new", {**PREMIUM, "threshold": "a lot"}))
    assert officer.post("/bank/programmes/new", {**PREMIUM, "most_attempts": "4"}).status_code == 422
    auditor = re.search(
        r'value="([^"]+)"[^>]*><label[^>]*>Auditor<', officer.get("/bank/programmes/new").get_data(as_text=True)
    )
    assert auditor
    assert officer.post("/bank/programmes/new", {**PREMIUM, "budget": "-1"}).status_code == 422
    asked = {**PREMIUM, "most_attempts": "2", "recipients": [auditor.group(1)], "budget": "1500"}
    answer = officer.post("/bank/programmes/new", asked)
    assert answer.status_code == 303
    request = shown(officer.get(answer.location))
    assert "Add a programme customers qualify for" in request
    assert "Recipients of the report" in request
    assert re.search(r"Budget of a month.*1,500", request, re.DOTALL)
    assert "Auditor" in request
    assert "No programmes yet" in shown(officer.get("/bank"))
    Campaigning(first_bank, UUID(int=0)).granted("admin")
    page = shown(officer.get("/bank"))
    assert "Premium" in page
    assert "15,000.00 ILS" in page or "15,000 ILS" in page
    edit = re.search(r'href="(/bank/programmes/[^"]+/edit)"', officer.get("/bank").get_data(as_text=True))
    assert edit
    same = officer.post(edit.group(1), {**asked, "budget": "1500.00"})
    assert (same.status_code, "Nothing would be different." in shown(same)) == (422, True), "said on the form"


def test_a_month_is_taken_calculated_and_explained_on_pages(first_bank: House) -> None:
    programme_id = premium(first_bank)
    officer = first_bank.browser("bank_officer")
    officer.get("/bank")
    assert officer.post("/bank/balances", {"month": "2026-10"}).status_code == 303
    assert "Calculate Premium" not in shown(officer.get("/bank?month=2026-10")), "not while days are being taken"
    taken(first_bank, a_month())
    page = shown(officer.get("/bank?month=2026-10"))
    assert "Calculate Premium" in page
    assert "1 issue" in page
    answer = officer.post("/bank/runs", {"month": "2026-10", "programme": str(programme_id)})
    assert "is being calculated" in shown(officer.get(answer.location))
    calculated(first_bank)
    page = shown(officer.get(answer.location))
    assert "30/31" in page
    assert "Below on" in page
    assert "1 day has no value" in page
    only = shown(officer.get(f"{answer.location}?outcome=qualified"))
    assert "Every day was there." in only
    assert "Below on" not in only
    auditor = first_bank.browser("auditor")
    assert auditor.get(answer.location).status_code == 200
    assert auditor.post("/bank/runs", {"month": "2026-10", "programme": str(programme_id)}).status_code == 403
    assert first_bank.browser("viewer").get("/bank").status_code == 403


def test_a_month_that_is_not_over_is_refused_with_a_sentence(first_bank: House) -> None:
    programme_id = premium(first_bank)
    officer = first_bank.browser("bank_officer")
    officer.get("/bank")
    for wrong in ({"month": "2026-11", "programme": str(programme_id)}, {"month": "2026-10", "programme": "x"}):
        answer = officer.post("/bank/runs", wrong)
        assert answer.status_code in (303, 422)
    page = shown(officer.get("/bank"))
    assert "The month is not over yet." in page or "Choose a programme." in page


def test_the_same_over_the_api(first_bank: House) -> None:
    programme_id = premium(first_bank)
    call = Caller(first_bank, "bank_officer")
    assert call.data("GET", "/bank/programmes")[0]["name"] == "Premium"
    with first_bank.unit() as session:
        auditor = next(user for user in users.with_permission(session, "audit:read") if user.role == "auditor")
    change = {"retry_hours": 9, "recipients": [str(auditor.id)], "budget": "1500.50"}
    assert call.data("GET", f"/bank/programmes/{programme_id}")["budget"] is None
    assert call("PATCH", f"/bank/programmes/{programme_id}", {"budget": "0"}).status_code == 422
    assert call("PATCH", f"/bank/programmes/{programme_id}", {**change, "retry_hours": 99}).status_code == 422
    assert call("PATCH", f"/bank/programmes/{programme_id}", {"recipients": [str(programme_id)]}).status_code == 422
    assert call("PATCH", f"/bank/programmes/{programme_id}", change).status_code == 202
    job = call.data("POST", "/bank/balances/check", {"from": "2026-10-01", "to": "2026-10-31"})
    assert (job["kind"], job["state"], job["days"], job["from"]) == ("balances", "queued", 31, "2026-10-01")
    taken(first_bank, a_month())
    assert call.data("GET", f"/jobs/{job['id']}")["state"] == "completed"
    month = call.data("GET", "/bank/balances/1?month=2026-10")
    assert (len(month), month[8]["date"], month[8]["amount"]) == (31, "2026-10-09", "14000.00")
    wanted = {"programme": str(programme_id), "month": "2026-10"}
    run_id = call.data("POST", "/bank/runs", wanted)["result"]["run_id"]
    calculated(first_bank)
    run: dict[str, Any] = call.data("GET", f"/bank/runs/{run_id}")
    assert run["totals"] == {"customers": 3, "qualified": 1, "not_qualified": 1, "indeterminate": 1}
    assert {gate["code"]: gate["verdict"] for gate in run["gates"]}["days_complete"] == "pass"
    [lost] = call.data("GET", f"/bank/runs/{run_id}/outcomes?outcome=not_qualified")
    assert (lost["external_id"], lost["first_below"]) == (
        "1",
        {"date": "2026-10-09", "amount": "14000.00", "short_by": "1000.00"},
    )
    [open_] = call.data("GET", f"/bank/runs/{run_id}/outcomes?external_id=2")
    assert (open_["outcome"], open_["missing"]) == ("indeterminate", ["2026-10-17"])
    assert call("POST", "/bank/balances/check", {"from": "2026-10-31", "to": "2026-10-01"}).status_code == 422
    assert call("GET", "/bank/balances/1?month=October").status_code == 422
    assert call("GET", "/bank/balances/77?month=2026-10").status_code == 404
    with first_bank.unit() as session:
        assert len(session.execute(select(QualificationRun)).all()) == 1


@pytest.mark.parametrize("month", ["0000-00", "0001-01", "9999-12", "2026-13", "2026-10-01", "٢٠٢٦-10"])
def test_a_month_nobody_lives_in_is_no_fault_of_ours(first_bank: House, month: str) -> None:
    officer, call = first_bank.browser("bank_officer"), Caller(first_bank, "bank_officer")
    premium(first_bank)
    assert officer.get(f"/bank?month={month}").status_code == 200
    assert call("GET", f"/bank/balances/status?month={month}").status_code == 422
    wanted = {"programme": str(premium_of(first_bank)), "month": month}
    assert call("POST", "/bank/runs", wanted).status_code == 422


def premium_of(bank: House) -> UUID:
    with bank.unit() as session:
        return programmes.listed(session, by=system(bank.organisation_id))[0].id
