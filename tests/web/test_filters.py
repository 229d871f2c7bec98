"""Saved filters in the browser and over the API: the present one is saved, seen by colleagues, opened with, renamed, deleted."""

import re
from html import escape, unescape
from urllib.parse import quote
from uuid import UUID

from app.domain.filters import saved
from app.domain.filters.saved import FilterInput
from tests.api.test_contacts import Caller
from tests.web.pages import House
from tests.web.test_bank_review import bank, november, run_id
from tests.web.test_campaigns import shown

__all__ = ["bank", "november", "run_id"]  # the fixtures of a month
LIST = "bank.outcomes"


def test_the_present_filter_is_saved_shared_opened_with_and_deleted(bank: House, run_id: UUID) -> None:
    officer, colleague = bank.browser("bank_officer"), bank.browser("admin")
    page = f"/bank/runs/{run_id}"
    assert "Save this filter" not in shown(officer.get(page)), "nothing is narrowed"
    narrowed = f"{page}?outcome=not_qualified&which=near"
    [form] = re.findall(r'href="(/filters/new[^"]*)"', officer.get(narrowed).get_data(as_text=True))
    form = unescape(form)
    assert f'value="{escape(narrowed)}"' in officer.get(form).get_data(as_text=True)
    given = {"of_list": LIST, "back": narrowed, "name": "Near misses", "is_shared": "y", "is_default": "y"}
    assert officer.post("/filters/new", {**given, "name": ""}).status_code == 422
    assert officer.post("/filters/new", {**given, "of_list": "nothing"}).status_code == 404
    assert officer.post("/filters/new", given).location == narrowed
    refused = officer.post("/filters/new", given)
    assert refused.status_code == 422
    assert "There is a filter of this name already." in shown(refused)

    assert officer.get(page).location == f"{page}?which=near&outcome=not_qualified", "the list opens with it"
    assert officer.get(f"{page}?all=1").status_code == 200
    assert 'name="all"' in officer.get(narrowed).get_data(as_text=True), "and shows everybody when that is chosen"
    assert officer.post(f"{page}/search", {"all": "1", "outcome": ""}).location == f"{page}?all=1"
    assert "Near misses" in shown(colleague.get(page)), "a colleague sees it, and his list opens as it did"

    manage = f"/filters?of_list={LIST}&back={quote(narrowed)}"
    kept = Caller(bank, "bank_officer").data("GET", f"/filters?of_list={LIST}")[0]["id"]
    assert "Near misses" in shown(colleague.get(manage))
    assert colleague.post(f"/filters/{kept}/delete").status_code == 403
    officer.get(manage)
    assert officer.post(f"/filters/{kept}", {**given, "name": ""}).status_code == 422
    renamed = officer.post(f"/filters/{kept}", {"of_list": LIST, "back": narrowed, "name": "By a day"})
    assert renamed.location.startswith("/filters?")
    assert officer.get(page).status_code == 200, "it opens as it is again"
    assert "By a day" not in shown(colleague.get(page)), "it is his own now"
    assert officer.post(f"/filters/{kept}/delete", {"of_list": LIST, "back": narrowed}).status_code == 303
    assert "No saved filter" in shown(officer.get(manage))


def test_a_filter_that_is_no_longer_known_says_so_and_opens_nothing(bank: House, run_id: UUID) -> None:
    officer, page = bank.browser("bank_officer"), f"/bank/runs/{run_id}"
    given = {"name": "Left over", "of_list": LIST, "narrows": {"which": "near"}, "is_default": True}
    with bank.unit("bank_officer") as session:
        row = saved.save(session, FilterInput.model_validate(given), by=bank.staff["bank_officer"]).row
        row.narrows, kept = {"which": "left over"}, row.id
    opened = officer.get(page)
    assert opened.status_code == 200, "the list does not open with it"
    assert "which=left" not in opened.get_data(as_text=True), "and no chip leads to everybody under its name"
    manage = f"/filters?of_list={LIST}&back={quote(page)}"
    assert "The list can no longer be narrowed like this." in shown(officer.get(manage))
    assert Caller(bank, "bank_officer").data("GET", f"/filters?of_list={LIST}")[0]["is_usable"] is False
    assert officer.post(f"/filters/{kept}/delete", {"of_list": LIST, "back": page}).status_code == 303


def test_nobody_is_led_out_of_the_house(bank: House, run_id: UUID) -> None:
    officer = bank.browser("bank_officer")
    for evil in (
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t\\evil.example/",
        "/\n/evil.example",
    ):
        assert "evil" not in officer.get(f"/filters?of_list={LIST}&back={quote(evil)}").get_data(as_text=True)
        new = {"of_list": LIST, "back": evil, "name": "Mine", "outcome": "qualified"}
        assert officer.post("/filters/new", new).status_code < 500
        stranger = bank.app.test_client()
        assert "evil" not in stranger.get(f"/login?next={quote(evil)}").get_data(as_text=True)


def test_the_same_over_the_api(bank: House, run_id: UUID) -> None:
    call = Caller(bank, "bank_officer")
    new = {"of_list": LIST, "name": "Overridden", "narrows": {"which": "overridden"}}
    made = call.data("POST", "/filters", new)
    assert (made["narrows"], made["is_shared"], made["is_default"]) == ({"which": "overridden"}, False, False)
    assert call("POST", "/filters", {**new, "narrows": {"external_id": "1"}}).status_code == 422
    changed = call.data("PATCH", f"/filters/{made['id']}", {"is_shared": True, "is_default": True})
    assert (changed["name"], changed["is_shared"], changed["is_default"]) == ("Overridden", True, True)
    seen = Caller(bank, "admin").data("GET", f"/filters?of_list={LIST}")
    assert [(one["name"], one["is_default"]) for one in seen] == [("Overridden", False)]
    assert Caller(bank, "marketer")("DELETE", f"/filters/{made['id']}").status_code in (403, 404)
    assert call("DELETE", f"/filters/{made['id']}").status_code == 204
    assert call.data("GET", f"/filters?of_list={LIST}") == []
    assert call("GET", "/filters?of_list=nothing").status_code == 404
