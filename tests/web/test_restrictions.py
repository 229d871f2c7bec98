"""Restrictions on their page, on the contact's page and over the API."""

from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select

from app.core.actor import system
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.bank import restrictions as feed
from app.domain.contacts.models import Contact
from app.gateways.corebank.base import RestrictionRecord, Unavailable
from app.gateways.corebank.memory import Memory
from tests.api.test_contacts import Caller
from tests.factories import people, sending
from tests.web.conftest import page_app, page_settings
from tests.web.pages import House, house
from tests.web.test_campaigns import shown

__all__ = ["page_app", "page_settings"]


@pytest.fixture
def bank(page_app: Flask, page_settings: Settings) -> House:
    made = house(page_app, page_settings, roles=("bank_officer", "auditor", "viewer", "operator"))
    with made.unit() as session:
        people.contacts(session, 3)
    return made


def taken(bank: House, core: Memory) -> None:
    unit = sending.alone(partial(unit_of_work, bank.factory, system(bank.organisation_id)))
    feed.take(unit, lambda: core)


def flags(*names: str) -> Memory:
    return Memory({}, [RestrictionRecord("1", name, "2026-01-02") for name in names])


def test_an_officer_takes_the_feed_and_sees_it(bank: House) -> None:
    officer = bank.browser("bank_officer")
    assert "There has never been a feed" in shown(officer.get("/bank/restrictions"))
    answer = officer.post("/bank/restrictions")
    assert answer.status_code == 303
    page = officer.get("/bank/restrictions")
    assert "On its way" in shown(page)
    assert 'hx-trigger="every 2s"' in page.get_data(as_text=True)
    taken(bank, flags("deceased", "minor"))
    page = officer.get("/bank/restrictions")
    assert "Taken" in shown(page)
    assert "Deceased" in shown(page)
    assert 'hx-trigger="every 2s"' not in page.get_data(as_text=True), "it polls no more"


def test_who_may_only_look_takes_nothing(bank: House) -> None:
    auditor = bank.browser("auditor")
    assert "Take now" not in shown(auditor.get("/bank/restrictions"))
    assert auditor.post("/bank/restrictions").status_code == 403
    assert bank.browser("viewer").get("/bank/restrictions").status_code == 403


def test_what_went_wrong_is_said(bank: House) -> None:
    officer = bank.browser("bank_officer")
    officer.post("/bank/restrictions")
    away = flags()
    away.failing = [Unavailable("closed")]
    taken(bank, away)
    page = shown(officer.get("/bank/restrictions"))
    assert "asked again by itself" in page
    assert "closed" in page


def test_the_contact_shows_its_flags_on_page_and_api(bank: House) -> None:
    with bank.unit() as session:
        feed.ask(session, by=system(bank.organisation_id))
        contact_id = session.execute(select(Contact.id).where(Contact.external_id == "1")).scalar_one()
    taken(bank, flags("deceased", "minor"))
    page = shown(bank.browser("operator").get(f"/contacts/{contact_id}"))
    assert "Restrictions of the core bank" in page
    assert "Under guardianship" not in page
    assert "Deceased" in page
    told = Caller(bank, "operator").data("GET", f"/contacts/{contact_id}")["restrictions"]
    assert told == [
        {"flag": "deceased", "since": "2026-01-02", "blocks": ["marketing", "service"]},
        {"flag": "minor", "since": "2026-01-02", "blocks": ["marketing"]},
    ]
    listed = Caller(bank, "operator").data("GET", "/contacts")
    assert sorted(len(one["restrictions"]) for one in listed) == [0, 0, 2]


def test_the_api_asks_and_tells(bank: House) -> None:
    caller = Caller(bank, "bank_officer")
    never = caller.data("GET", "/bank/restrictions")
    assert (never["state"], never["fed_at"], never["stale"]) == (None, None, False)
    assert never["flags"]["fraud"] == {"people": 0, "blocks": ["marketing", "service"]}
    asked = caller("POST", "/bank/restrictions", {})
    assert asked.status_code == 202
    taken(bank, flags("fraud"))
    told = caller.data("GET", "/bank/restrictions")
    assert (told["state"], told["records"], told["flags"]["fraud"]["people"]) == ("taken", 1, 1)
    assert caller("POST", "/bank/restrictions", {"other": 1}).status_code == 422
    assert Caller(bank, "viewer")("GET", "/bank/restrictions").status_code == 403
