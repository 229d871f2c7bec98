"""The segment builder in a real browser: by mouse and keyboard, in both languages and widths, and without script."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from app.core.settings import Settings
from app.domain.access import sessions
from app.domain.access.models import User
from app.domain.segments import library
from app.domain.segments.library import SegmentInput
from app.factory import create_app
from tests.browser.axe import complaints
from tests.browser.test_frame import said
from tests.conftest import NUMBER, WORKER
from tests.factories import people
from tests.servers.throwaway import Servers
from tests.web.pages import House, house

CITY = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
BRANCH = {
    "any": [
        {"kind": "consent", "channel": "sms"},
        {"not": {"kind": "field", "field": "tags", "op": "has_any", "value": ["vip"]}},
    ]
}


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
    opened: Opened, segment: str, language: str, theme: str, width: int
) -> None:
    for path in (
        "",
        "/new",
        f"/{segment}",
        f"/{segment}/edit",
        f"/{segment}/contacts",
        f"/{segment}/why",
        f"/{segment}/history",
    ):
        page = opened(f"/segments{path}", language=language, theme=theme, width=width)
        assert complaints(page) == [], path
        assert said(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than the screen"
        page.close()
