"""The frame in a real browser: axe and the policy, in both languages, themes and widths; and what the scripts do."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from werkzeug.serving import make_server

from tests.browser.axe import complaints
from tests.browser.gallery.app import create_app

NO_NEWS = re.compile(r"404|htmx:(sendAbort|afterRequest), ")
PAGES = ["/", "/pieces", "/form", "/campaigns", "/plain", "/error"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def open_page(
    browser: Browser, address: str, path: str, *, language: str = "en", theme: str = "light", width: int = 1440
) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    context.add_cookies(
        [
            {"name": "carillon_locale", "value": language, "url": address},
            {"name": "carillon_theme", "value": theme, "url": address},
        ]
    )
    page = context.new_page()
    page.set_default_timeout(5000)
    heard: list[str] = []
    page.heard = heard  # type: ignore[attr-defined]
    page.on("console", lambda message: heard.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(address + path, wait_until="load")
    return page


def said(page: Page) -> list[str]:
    """What the browser said on its console.

    The error page's own 404 is no news, nor is a request that htmx gave up because a newer one took its place.
    """
    return [text for text in page.heard if not NO_NEWS.search(text)]  # type: ignore[attr-defined]


# Every two of language, theme and width come together once.
@pytest.mark.parametrize(
    ("language", "theme", "width"),
    [("en", "light", 1440), ("en", "dark", 390), ("he", "light", 390), ("he", "dark", 1440)],
)
def test_every_page_is_accessible_and_obeys_the_policy(
    browser: Browser, address: str, language: str, theme: str, width: int
) -> None:
    for path in PAGES:
        page = open_page(browser, address, path, language=language, theme=theme, width=width)
        assert complaints(page) == [], path
        assert said(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is wider than the screen"
        page.context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_opens_is_accessible_too(browser: Browser, address: str, theme: str) -> None:
    page = open_page(browser, address, "/pieces", theme=theme, width=390)
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Campaigns").first).to_be_visible()
    assert complaints(page) == []
    page.keyboard.press("Escape")
    page.locator("[popovertarget=me]").click()
    expect(page.get_by_text("Sessions")).to_be_visible()
    assert complaints(page) == []
    page.keyboard.press("Escape")
    page.context.close()
    page = open_page(browser, address, "/", theme=theme)
    page.get_by_role("button", name="Actions: Dana Katz").first.click()
    expect(page.get_by_role("button", name="Suppress").first).to_be_visible()
    assert complaints(page) == []
    page.context.close()


def test_the_first_visit_follows_the_system_until_a_theme_is_chosen(browser: Browser, address: str) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(address + "/")
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    with page.expect_response(lambda answer: answer.url.endswith("/preferences/theme")):
        page.get_by_role("button", name="Switch between light and dark").click()
    page.reload()
    expect(root).to_have_attribute("data-bs-theme", "light")
    context.close()


def test_a_change_swaps_its_parts_and_says_so(browser: Browser, address: str) -> None:
    page = open_page(browser, address, "/pieces")
    page.click("#ask")
    go = page.locator("#confirm [value=ok]")
    expect(go).to_be_disabled()
    page.fill("#confirm-typed", "SEND")
    go.click()
    expect(page.locator("#one")).to_contain_text("changed")
    expect(page.locator("#two")).to_contain_text("changed")
    expect(page.locator("#toasts .notice-success")).to_have_text("Done: <b>not bold</b>")
    page.click("#ask")
    page.locator("#confirm [value=cancel]").click()
    expect(page.locator("#toasts .notice")).to_have_count(1)
    assert said(page) == []
    page.context.close()


def test_an_error_leaves_the_page_and_says_why(browser: Browser, address: str) -> None:
    page = open_page(browser, address, "/pieces")
    page.click("#refuse")
    expect(page.locator("#toasts .notice-error")).to_have_text("Somebody was faster.")
    page.click("#crash")
    expect(page.locator("#toasts .notice-error")).to_have_count(2)
    expect(page.locator("#one")).to_have_text("One")
    expect(page.locator("#toasts")).to_have_count(1)
    page.locator("#toasts [data-close]").first.click()
    expect(page.locator("#toasts .notice-error")).to_have_count(1)
    page.context.close()


def test_toasts_do_not_pile_up(browser: Browser, address: str) -> None:
    page = open_page(browser, address, "/pieces")
    for level, text in [("error", "No."), *(("success", f"Saved {n}.") for n in (1, 2, 3, 4, 4))]:
        page.evaluate(
            "detail => document.dispatchEvent(new CustomEvent('toast', {detail}))", {"level": level, "text": text}
        )
    expect(page.locator("#toasts .notice p")).to_have_text(["No.", "Saved 3.", "Saved 4."])
    for _twice in range(2):
        page.click("#refuse")
        expect(page.locator("#toasts .notice p")).to_have_text(["No.", "Saved 4.", "Somebody was faster."])
    page.context.close()


def test_polling_is_marked_and_ends(browser: Browser, address: str) -> None:
    page = open_page(browser, address, "/pieces")
    expect(page.locator("#poll")).to_have_text("polled")
    page.context.close()


def test_a_morphed_part_keeps_the_cursor(browser: Browser, address: str) -> None:
    page = open_page(browser, address, "/pieces")
    page.locator("#typed").press_sequentially("abc")
    expect(page.locator("#echo")).to_have_text("ABC")
    expect(page.locator("#typed")).to_be_focused()
    page.keyboard.type("d")
    expect(page.locator("#echo")).to_have_text("ABCD")
    assert said(page) == []
    page.context.close()


def test_what_is_typed_while_an_answer_comes_is_kept(browser: Browser, address: str) -> None:
    """A slow answer to the first letter comes when the second is there already."""
    page = open_page(browser, address, "/pieces")
    held: list[Route] = []
    page.route("**/morph", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/morph"):
        page.locator("#typed").press_sequentially("a")
    page.keyboard.type("b")
    held[0].continue_()
    expect(page.locator("#echo")).to_have_text("AB")
    expect(page.locator("#typed")).to_have_value("ab")
    expect(page.locator("#typed")).to_be_focused()
    page.context.close()


def test_a_refused_form_gets_the_cursor(browser: Browser, address: str) -> None:
    page = open_page(browser, address, "/form")
    page.fill("#email", "x@example.co.il")
    assert page.locator("form[data-dirty]").count() == 1
    page.get_by_role("button", name="Save contact").click()
    expect(page.locator(".form-errors")).to_be_focused()
    expect(page.locator("#name")).to_have_attribute("aria-invalid", "true")
    assert complaints(page) == []
    page.context.close()


def test_unsaved_changes_are_guarded(browser: Browser, address: str) -> None:
    page = open_page(browser, address, "/form")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.locator("#name").press_sequentially("Maya")
    page.get_by_role("link", name="Campaigns").click()
    page.wait_for_url("**/campaigns")
    assert asked == ["beforeunload"]
    page.context.close()


def test_the_idle_warning_comes_two_minutes_before_the_end(browser: Browser, address: str) -> None:
    page = browser.new_context().new_page()
    page.clock.install()
    page.goto(address + "/campaigns")
    page.clock.fast_forward("27:50")
    expect(page.locator("#idle")).to_be_hidden()
    page.clock.fast_forward("00:30")
    expect(page.locator("#idle")).to_be_visible()
    expect(page.locator("[data-left]")).to_contain_text("1:")
    page.route("**/session/ping", lambda route: route.fulfill(status=204))
    page.click("[data-stay]")
    expect(page.locator("#idle")).to_be_hidden()
    page.context.close()


def test_search_by_keyboard(browser: Browser, address: str) -> None:
    page = open_page(browser, address, "/campaigns")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("maya")
    expect(page.locator("#search-results a")).to_have_count(2)
    assert complaints(page) == []
    field, first = page.locator("#find"), page.locator("#search-results a").first
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(first).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "search-option-1")
    expect(field).to_be_focused()  # so that one can go on typing
    assert complaints(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#search-results a")).to_have_count(0)
    expect(field).to_have_attribute("aria-expanded", "false")
    page.keyboard.type("x")
    expect(first).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")  # settled: what is chosen from now on stays so
    page.keyboard.press("ArrowUp")
    expect(page.locator("#search-results a").last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(address + "/")
    page.goto(address + "/campaigns")
    page.locator("main").click()
    page.keyboard.press("Control+k")
    expect(page.locator("#find")).to_be_focused()
    page.context.close()


def test_language_and_theme_are_kept(browser: Browser, address: str) -> None:
    page = open_page(browser, address, "/campaigns")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.wait_for_function("document.cookie !== null")
    page.get_by_role("button", name="עברית").click()
    page.wait_for_load_state("load")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert page.url.endswith("/campaigns")
    assert said(page) == []
    page.context.close()


def test_without_script_menus_open_and_forms_work(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(5000)
    page.goto(address + "/form")
    page.click("[popovertarget=side]")
    expect(page.get_by_role("link", name="Reports")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save contact").click()
    expect(page.locator(".form-errors")).to_be_visible()
    page.goto(address + "/pieces")
    page.locator("form[data-theme-switch] button").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    context.close()
