"""Contact pages as a person without script uses them."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from sqlalchemy import select

from app.core.actor import system
from app.domain.audit.models import AuditEntry
from app.domain.consent import ledger
from app.domain.contacts import profile, properties
from app.domain.contacts.profile import ContactInput
from app.domain.contacts.properties import PropertyInput
from tests.factories import people
from tests.web.pages import House

DANA = {
    "external_id": "C-77",
    "email": "Dana@Mail.example",
    "phone": "052-2345678",
    "first_name": "Dana",
    "last_name": "Levi",
}


def made(bank: House, **changes: Any) -> UUID:
    with bank.unit() as session:
        return profile.create(session, ContactInput(**{**DANA, **changes}), by=system(bank.organisation_id)).id


def test_an_empty_list_says_what_to_do_next(bank: House) -> None:
    page = bank.browser("marketer").get("/contacts").get_data(as_text=True)
    assert "No contacts yet" in page
    assert 'href="/contacts/new"' in page


def test_people_are_masked_until_somebody_looks_and_the_look_is_logged(bank: House) -> None:
    contact_id = made(bank)
    marketer = bank.browser("marketer")
    for url in (
        "/contacts",
        f"/contacts/{contact_id}",
        f"/contacts/{contact_id}/history",
        f"/contacts/{contact_id}/consents",
    ):
        page = marketer.get(url).get_data(as_text=True)
        assert "Dana" not in page
        assert "dana@mail.example" not in page
        assert "2345678" not in page
    shown = marketer.post(f"/contacts/{contact_id}/reveal").get_data(as_text=True)
    assert "dana@mail.example" in shown
    assert "+972522345678" in shown
    assert "Looked at personal data" in marketer.get(f"/contacts/{contact_id}/history").get_data(as_text=True)
    viewer = bank.browser("viewer")
    assert viewer.post(f"/contacts/{contact_id}/reveal").status_code == 403
    assert viewer.get(f"/contacts/{contact_id}/edit").status_code == 403


@pytest.mark.parametrize("text", ["dana@mail.example", "0522345678", "+972 52-234-5678", "C-7", "dan", "LEVI da"])
def test_the_search_finds_by_whole_address_or_beginning_of_names_and_the_external_id(bank: House, text: str) -> None:
    made(bank)
    made(bank, external_id="X-1", email="other@mail.example", phone="0522345679", first_name="Gal", last_name="Levin")
    viewer = bank.browser("viewer")
    page = viewer.get(viewer.post("/contacts/search", {"q": text}).location).get_data(as_text=True)
    assert "C-77" in page
    assert "<bdi>X-1</bdi>" not in page


def test_what_was_searched_for_stands_in_no_address_and_is_kept_from_page_to_page(bank: House) -> None:
    for number in range(3):
        made(bank, external_id=f"C-77{number}", tags=("gold",))
    marketer = bank.browser("marketer")
    first = marketer.post(
        "/contacts/search", {"q": "0522345678", "tag": "gold", "status": "", "per_page": "9"}, htmx=True
    )
    assert first.status_code == 303
    address = first.location
    assert "tag=gold" in address
    assert "0522345678" not in address
    assert "status" not in address
    page = marketer.get(f"{address}&per_page=2").text
    assert 'value="0522345678"' in page, "the field says what the list shows, also after a reload"
    following = unescape(re.findall(r'rel="next" href="([^"]+)"', page)[0])
    assert "<bdi>C-770</bdi>" in marketer.get(following).text
    counted = unescape(re.findall(r'hx-get="(/contacts/count[^"]+)"', page)[0])
    assert "3" in marketer.get(counted).text
    every = re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', page)
    assert not [one for one in every if "2345678" in one]
    assert marketer.post("/contacts/search", {"q": "", "tag": "gold"}).location.endswith("/contacts?tag=gold")


def test_nobody_else_opens_a_search_by_its_address(bank: House) -> None:
    made(bank)
    address = bank.browser("marketer").post("/contacts/search", {"q": "dana@mail.example"}).location
    for url in (address, "/contacts?s=", "/contacts?s=nonsense", "/contacts?s=%00", address + "AAAA"):
        answer = bank.browser("viewer").get(url)
        assert answer.status_code == (200 if url.endswith("s=") else 422), url
        assert "dana" not in answer.text
    assert "Type it again" in answer.text


def test_a_contact_is_added_changed_deleted_and_brought_back(bank: House) -> None:
    with bank.unit() as session:
        by = system(bank.organisation_id)
        properties.define(session, PropertyInput(key="balance", type="number"), by=by)
        properties.define(session, PropertyInput(key="vip", type="boolean", label="Very important"), by=by)
    marketer = bank.browser("marketer")
    assert "Very important" in marketer.get("/contacts/new").get_data(as_text=True)
    answer = marketer.post(
        "/contacts/new", {**DANA, "own_balance": "15,000", "own_vip": "yes", "tags": "gold, staff", "groups": "Haifa"}
    )
    assert answer.status_code == 303
    url = answer.headers["Location"]
    page = marketer.get(url).get_data(as_text=True)
    assert "15,000" in page
    assert "gold" in page
    assert "Haifa" in page
    form = marketer.get(f"{url}/edit").get_data(as_text=True)
    version = re.search(r'name="version"[^>]*value="(\d+)"', form)
    assert version
    assert 'value="dana@mail.example"' in form
    saved = marketer.post(f"{url}/edit", {**DANA, "version": version.group(1), "city": "Haifa"})
    assert saved.headers["Location"] == url
    assert marketer.post(f"{url}/delete").status_code == 303
    assert "Undo" in marketer.get("/contacts").get_data(as_text=True)
    assert "Restore" in marketer.get(url).get_data(as_text=True)
    assert marketer.post(f"{url}/restore").status_code == 303
    assert "C-77" in marketer.get("/contacts").get_data(as_text=True)


def test_mistakes_stand_beside_their_fields(bank: House) -> None:
    made(bank)
    marketer = bank.browser("marketer")
    marketer.get("/contacts/new")
    wrong = marketer.post("/contacts/new", {"email": "not an address", "phone": ""})
    assert wrong.status_code == 422
    assert 'id="email-error"' in wrong.get_data(as_text=True)
    taken = marketer.post("/contacts/new", {"external_id": "C-77"})
    assert taken.status_code == 422
    assert 'id="external_id-error"' in taken.get_data(as_text=True)


def test_of_two_who_edit_at_once_the_second_sees_what_the_first_changed(bank: House) -> None:
    contact_id = made(bank)
    marketer = bank.browser("marketer")
    marketer.get(f"/contacts/{contact_id}/edit")
    assert marketer.post(f"/contacts/{contact_id}/edit", {**DANA, "version": "1", "city": "Haifa"}).status_code == 303
    late = marketer.post(f"/contacts/{contact_id}/edit", {**DANA, "version": "1", "city": "Eilat"})
    page = late.get_data(as_text=True)
    assert late.status_code == 409
    assert "Haifa" in page
    assert re.search(r'name="version"[^>]*value="2"', page)
    with bank.unit() as session:
        looks = select(AuditEntry).where(
            AuditEntry.action == "contact.revealed", AuditEntry.subject_id == str(contact_id)
        )
        assert len(session.execute(looks).all()) == 2, "the form, and what somebody else wrote"
    assert marketer.post(f"/contacts/{contact_id}/edit", {**DANA, "version": "2", "city": "Eilat"}).status_code == 303


def test_a_consent_is_recorded_with_its_proof(bank: House) -> None:
    contact_id = made(bank)
    marketer = bank.browser("marketer")
    url = f"/contacts/{contact_id}/consents"
    assert "No consent is recorded" in marketer.get(url).get_data(as_text=True)
    wrong = marketer.post(url, {"state": "granted", "basis": ""})
    assert wrong.status_code == 422
    granted = marketer.post(url, {"state": "granted", "channels": ["sms", "email"], "basis": "form at the branch"})
    assert granted.status_code == 303
    marketer.post(url, {"state": "withdrawn", "channels": ["sms"], "basis": "called us"}, htmx=True)
    page = marketer.get(url).get_data(as_text=True)
    assert page.index("called us") < page.index("form at the branch")
    now = page[page.index("Now</h2>") :]
    assert now.index("Withdrawn") < now.index("Granted")


def test_somebody_elses_contact_is_not_there(bank: House, page_app: Any, page_settings: Any) -> None:
    from tests.web.pages import house

    contact_id = made(bank)
    stranger = house(page_app, page_settings).browser("marketer")
    for part in ("", "/edit", "/history", "/consents"):
        assert stranger.get(f"/contacts/{contact_id}{part}").status_code == 404


def test_the_head_of_a_contact_says_who_opted_out(bank: House) -> None:
    with bank.unit() as session:
        contact = people.contacts(session, 1, prefix="optout")[0]
    marketer = bank.browser("marketer")
    assert "Opted out" not in marketer.get(f"/contacts/{contact}").get_data(as_text=True)
    with bank.unit() as session:
        ledger.withdraw(session, contact, ["sms"], basis="called", source="by hand")
    page = marketer.get(f"/contacts/{contact}/consents").get_data(as_text=True)
    assert "Opted out: SMS" in page
    assert "Opted out: E-mail" not in page


def test_a_search_is_there_again_after_signing_in(bank: House) -> None:
    made(bank)
    address = bank.browser("marketer").post("/contacts/search", {"q": "C-7"}).location
    stranger = bank.app.test_client()
    sent = stranger.get(
        "/contacts/count", headers={"HX-Request": "true", "HX-Current-URL": f"http://localhost{address}"}
    )
    assert sent.status_code == 401
    assert sent.headers["HX-Redirect"] == f"/login?{urlencode({'next': address}, safe='/?')}"
    assert "C-77" in bank.browser("marketer").get(address).text
