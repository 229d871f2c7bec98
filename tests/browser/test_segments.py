"""The segment builder in a real browser: by mouse and keyboard, in both languages and widths, and without script."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from werkzeug.serving import make_server

from app.core import clock
from app.core.actor import system
from app.core.settings import Settings
from app.domain.access import sessions
from app.domain.access.models import User
from app.domain.bank import programmes
from app.domain.bank.programmes import ProgrammeInput
from app.domain.contacts.models import Contact
from app.domain.events.models import Event
from app.domain.segments import library
from app.domain.segments.library import SegmentInput
from app.factory import create_app
from tests.browser.axe import complaints
from tests.browser.test_frame import said
from tests.conftest import NUMBER, WORKER
from tests.domain.segments.told import refresh_all
from tests.factories import people
from tests.servers.throwaway import Servers
from tests.web.pages import House, house

HEBREW = {"kind": "field", "field": "language", "op": "eq", "value": "he"}
CITY = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
BRANCH = {
    "any": [
        {"kind": "consent", "channel": "sms"},
        {"not": {"kind": "field", "field": "tags", "op": "has_any", "value": ["vip"]}},
    ]
}


HAIFA = {"all": [{"property": "branch", "op": "in", "value": [7, "7"]}, {"property": "amount", "op": "is_set"}]}
BEHAVIOUR: dict[str, Any] = {
    "all": [
        {
            "kind": "event", "event": "purchase", "measure": "sum", "property": "amount", "op": "gte", "value": 5000, "where": HAIFA,
            "within": {"last": 30, "unit": "days"},
        },
        {"kind": "event", "event": "login", "measure": "last", "op": "not_in_last", "value": 30, "unit": "days"},
        {
            "kind": "sequence", "first": {"event": "quote", "where": HAIFA}, "then": {"event": "purchase"}, "happened": False,
            "within": {"last": 14, "unit": "days"},
        },
        {"kind": "bank", "fact": "balance", "days": {"at_least": 20}, "op": "gte", "value": "15000.00", "month": "previous"},
    ]
}  # fmt: skip


@pytest.fixture(scope="module")
def bank(servers: Servers) -> House:
    name = f"segments_browser_{WORKER}"
    servers.copy(name)
    settings = Settings.from_env(servers.env(name, redis=NUMBER))
    app: Flask = create_app(settings)
    made = house(app, settings)
    with made.unit() as session:
        people.contacts(session, 12, city="Haifa")
        people.contacts(session, 8, start=12, city="Eilat", language="he")
    return made


@pytest.fixture(scope="module")
def segment(bank: House) -> str:
    with bank.unit() as session:
        new = SegmentInput(name="Haifa קיץ", definition={"where": {"all": [CITY, BRANCH]}})
        return str(library.create(session, new, by=bank.staff["marketer"]).id)


@pytest.fixture(scope="module")
def behaviour(bank: House) -> str:
    """A segment of every new kind, and the events it asks for."""
    with bank.unit() as session:
        programme = programmes.create(session, ProgrammeInput(name="Premium"), by=system(bank.organisation_id))
        someone = session.execute(select(Contact.id).where(Contact.external_id == "15")).scalar_one()
        same = {"source": "api", "is_verified": True, "occurred_at": clock.now(), "received_at": clock.now()}
        for name in ("purchase", "quote"):
            told = Event(name=name, contact_id=someone, organisation_id=bank.organisation_id, **same)
            told.properties = {"amount": 6000, "branch": 7}
            session.add(told)
        outcome = {"kind": "bank", "fact": "outcome", "programme": str(programme.id), "month": "previous"}
        new = SegmentInput(name="Behaviour", definition={"where": {"any": [BEHAVIOUR, outcome]}})
        return str(library.create(session, new, by=bank.staff["marketer"]).id)


@pytest.fixture(scope="module")
def lived(bank: House, segment: str) -> str:
    """The segment after a life: changed once, some came and some left; the address that compares it with another."""
    with bank.unit() as session:
        by = bank.staff["marketer"]
        other = library.create(session, SegmentInput(name="Hebrew", definition={"where": HEBREW}), by=by)
        refresh_all(session)
        library.update(session, UUID(segment), SegmentInput(name="Haifa קיץ", definition={"where": CITY}), by=by)
        refresh_all(session)
        return f"/overlap?segment={segment}&segment={other.id}"


@pytest.fixture(scope="module")
def address(bank: House) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, bank.app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def opened(browser: Browser, bank: House, address: str) -> "Opened":
    return Opened(browser, bank, address)


class Opened:
    """Pages of somebody who is signed in."""

    def __init__(self, browser: Browser, bank: House, address: str) -> None:
        self.browser, self.address = browser, address
        with bank.unit() as session:
            user = session.get_one(User, bank.staff["marketer"].id)
            self.cookie = sessions.start(session, user, ip="127.0.0.1", agent="test", with_factor=True)

    def __call__(
        self, path: str, *, language: str = "en", theme: str = "light", width: int = 1440, script: bool = True
    ) -> Page:
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=script, reduced_motion="reduce"
        )
        cookies = {"carillon_locale": language, "carillon_theme": theme, "sid": self.cookie}
        context.add_cookies([{"name": name, "value": value, "url": self.address} for name, value in cookies.items()])
        page = context.new_page()
        page.set_default_timeout(8000)
        heard: list[str] = []
        page.heard = heard  # type: ignore[attr-defined]
        page.on("console", lambda m: heard.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.goto(self.address + path, wait_until="load")
        return page


def test_a_segment_is_built_counted_and_saved(opened: Opened) -> None:
    page = opened("/segments/new")
    expect(page.locator("#numbers .stat-value")).to_have_text("20")
    page.fill("#name", "By hand")
    page.get_by_role("button", name="Add a condition").first.click()
    field = page.locator("select[name='r1.field']")
    expect(field).to_be_focused()
    field.select_option("city")
    page.locator("input[name='r1.v']").fill("Haifa")
    expect(page.locator("#numbers .stat-value")).to_have_text("12")
    expect(page.locator("#sentence")).to_contain_text("City is “Haifa”")
    page.get_by_role("button", name="Add a group").first.click()
    page.locator("select[name='r2.field']").select_option("consent.sms")
    expect(page.locator("#count-r2")).to_contain_text("20")
    page.get_by_role("button", name="Not", exact=True).click()
    expect(page.locator("#numbers .stat-value")).to_have_text("8")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#numbers .stat-value")).to_have_text("12")
    page.get_by_role("button", name="Save the segment").click()
    expect(page.locator("h1")).to_contain_text("By hand")
    expect(page.locator("#size .stat-value")).to_have_text("12")
    assert said(page) == []


def test_rows_move_by_keyboard_and_mistakes_stand_beside_them(opened: Opened) -> None:
    page = opened("/segments/new")
    for n, name in ((1, "engagement_score"), (2, "city")):
        page.locator("#do-add-rule-g1").click()
        page.locator(f"select[name='r{n}.field']").select_option(name)
        page.locator(f"[name='r{n}.v']").fill("many")
    expect(page.locator("#wrong-r1")).to_be_visible()
    expect(page.locator("[name='r1.v']")).to_have_attribute("aria-invalid", "true")
    page.locator("#do-down-r1").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".seg-rule").first).to_have_attribute("id", "r2")
    expect(page.locator("#do-down-r1")).to_be_focused()
    page.fill("#name", "With a mistake")
    page.get_by_role("button", name="Save the segment").click()
    expect(page.locator("#wrong-r1")).to_be_visible()
    expect(page.locator(".form-errors")).to_be_visible()


def test_typing_is_never_overwritten(opened: Opened) -> None:
    page = opened("/segments/new")
    page.locator("#do-add-rule-g1").click()
    page.locator("select[name='r1.field']").select_option("city")
    box = page.locator("input[name='r1.v']")
    box.press_sequentially("Haifa and every other town by the sea", delay=60)
    page.wait_for_timeout(1500)
    expect(box).to_have_value("Haifa and every other town by the sea")


def test_an_event_and_its_properties_by_keyboard(opened: Opened, behaviour: str) -> None:
    page = opened("/segments/new")
    page.locator("#do-add-rule-g1").click()
    page.locator("select[name='r1.field']").select_option("event")
    page.locator("input[name='r1.event']").fill("purchase")
    expect(page.locator("#count-r1")).to_contain_text("1")
    page.locator("#do-add-w-r1").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#r1-wp-0")).to_be_focused()
    page.keyboard.type("branch")
    page.locator("#r1-wv-0").fill("8")
    expect(page.locator("#count-r1")).to_contain_text("0")
    page.locator("#r1-wv-0").fill("7")
    expect(page.locator("#count-r1")).to_contain_text("1")
    page.locator("#do-add-w-r1").click()
    page.locator("#r1-wo-1").select_option("is_set")
    expect(page.locator("#r1-wv-1")).to_have_count(0)
    page.locator("#r1-wp-1").fill("discount")
    expect(page.locator("#count-r1")).to_contain_text("0")
    page.locator("#do-drop-w-r1-1").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#count-r1")).to_contain_text("1")
    expect(page.locator("#r1-wp-0")).to_have_value("branch")
    page.locator("select[name='r1.measure']").select_option("first")
    page.locator("select[name='r1.op']").select_option("on")
    expect(page.locator("input[name='r1.v']")).to_have_attribute("type", "date")
    page.locator("input[name='r1.v']").fill("2026-01-01")
    expect(page.locator("#sentence")).to_contain_text("the first event")
    assert said(page) == []


def test_why_says_what_a_customer_did(opened: Opened, behaviour: str) -> None:
    page = opened(f"/segments/{behaviour}/why")
    page.fill("#contact", "15")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#why")).to_contain_text("sum 6,000")
    expect(page.locator("#why")).to_contain_text("0 of 31 days are as asked")


def test_a_segment_is_made_without_script(opened: Opened) -> None:
    page = opened("/segments/new", script=False)
    page.fill("#name", "Without script")
    page.locator("noscript button[value='add-rule:g1'], button[value='add-rule:g1']").first.click()
    page.locator("select[name='r1.field']").select_option("city")
    page.get_by_role("button", name="Count", exact=True).click()
    page.locator("input[name='r1.v']").fill("Eilat")
    page.get_by_role("button", name="Count", exact=True).click()
    expect(page.locator("#numbers .stat-value")).to_have_text("8")
    page.get_by_role("button", name="Save the segment").click()
    expect(page.locator("h1")).to_contain_text("Without script")


def test_a_contact_is_explained(opened: Opened, segment: str) -> None:
    page = opened(f"/segments/{segment}/why")
    page.fill("#contact", "15")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#why")).to_contain_text("is not in this segment")
    expect(page.locator("#why .seg-no").first).to_be_visible()
    expect(page.locator("#why")).to_contain_text("Eilat")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("he", "dark")])
def test_every_page_is_accessible_and_obeys_the_policy(
    opened: Opened, segment: str, behaviour: str, lived: str, language: str, theme: str, width: int
) -> None:
    for path in (
        "",
        "/new",
        f"/{segment}",
        f"/{segment}/edit",
        f"/{segment}/contacts",
        f"/{segment}/why",
        f"/{segment}/history",
        f"/{behaviour}/edit",
        f"/{segment}/growth",
        f"/{segment}/versions?from=1&to=2",
        lived,
    ):
        page = opened(f"/segments{path}", language=language, theme=theme, width=width)
        assert complaints(page) == [], path
        assert said(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than the screen"
        page.close()
