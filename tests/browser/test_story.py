"""The main story in a real browser, here in English, in test_story_in_hebrew in Hebrew: two people, one campaign, every message in the sandbox's mailbox.

Nothing here is found by its words, so the same steps serve both languages.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import month
from tests.browser.person import Person
from tests.servers.house import House, whole
from tests.servers.throwaway import Servers


@pytest.fixture(scope="module")
def language() -> str:
    return "en"


@pytest.fixture(scope="module")
def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory, language: str) -> Iterator[House]:
    with whole(servers, f"story_browser_{language}", tmp_path_factory.mktemp(language)) as one:
        yield one


def test_the_story(house: House, browser: Browser, language: str) -> None:
    marketer, admin = Person(house, browser, "marketer", language), Person(house, browser, "admin", language)
    marketer.sign_in()
    marketer.looks_right("dashboard")
    imports(marketer)
    segment = builds_a_segment(marketer)
    sms = writes(marketer, "sms-offer")
    email = writes(marketer, "email-offer")
    campaign = makes_a_campaign(marketer, segment, sms, email)
    approves(admin, campaign)
    follows(marketer, campaign)
    reads_the_mail(house, browser)
    reports(marketer, campaign, house)


def imports(marketer: Person) -> None:
    page = marketer.page
    marketer.go("/imports/new")
    marketer.looks_right("import-new")
    marketer.send("/imports/example")
    page.wait_for_url(re.compile("/columns"))
    page.check("#demonstration")
    marketer.looks_right("import-columns")
    marketer.send("/dry-run")
    page.wait_for_selector("main form[action$='/start']")
    marketer.looks_right("import-trial")
    page.click("main form[action$='/start'] button[type=submit].btn-primary")
    page.wait_for_url(re.compile(r"/imports/[\w-]+$"))
    page.wait_for_selector(".note-good", timeout=90_000)
    expect(page.locator("main")).to_contain_text("45,211")
    marketer.looks_right("import-done")
    marketer.go("/contacts")
    marketer.looks_right("contacts")


def builds_a_segment(marketer: Person) -> str:
    page = marketer.page
    marketer.go("/segments/new")
    page.fill("#name", "Well off, reached by mobile")
    wanted = [
        ("properties.balance", "gte", "15000"),
        ("properties.loan", "eq", "no"),
        ("properties.contact", "eq", "cellular"),
    ]
    for number, (field, op, value) in enumerate(wanted):
        if page.locator("select[name$='.field']").count() <= number:
            page.click("button[id^='do-add-rule']")
            settled(page)
        page.locator("select[name$='.field']").nth(number).select_option(field)
        settled(page)
        page.locator("select[name$='.op']").nth(number).select_option(op)
        settled(page)
        page.locator("input[name$='.v']").nth(number).fill(value)
        page.locator("input[name$='.v']").nth(number).blur()
        settled(page)
    expect(page.locator("aside.beside")).to_contain_text("220", timeout=20_000)
    marketer.looks_right("segment-builder")
    page.click("#seg .form-foot button[type=submit]")
    page.wait_for_url(re.compile(r"/segments/[0-9a-f-]{36}$"))
    marketer.looks_right("segment")
    return page.url.rsplit("/", 1)[1]


def settled(page: Page) -> None:
    """The builder has drawn what was asked for: what is typed waits 600 ms before it is sent."""
    page.wait_for_timeout(900)
    expect(page.locator(".htmx-request")).to_have_count(0)


def writes(marketer: Person, start: str) -> str:
    page = marketer.page
    marketer.go(f"/templates/new?start={start}")
    page.wait_for_selector("#preview .bubble, #preview .letter")
    marketer.looks_right(f"template-{start}")
    page.click("#editor .form-foot button[type=submit]")
    page.wait_for_url(re.compile(r"/templates/[0-9a-f-]{36}$"))
    return page.url.rsplit("/", 1)[1]


def makes_a_campaign(marketer: Person, segment: str, sms: str, email: str) -> str:
    page = marketer.page
    marketer.go("/campaigns/new")
    page.fill("#name", "Savings in November")
    page.check("input[name=who][value=segments]") if page.locator("input[name=who][value=segments]").count() else None
    choose(page, "segments", segment)
    choose(page, "sms_template_id", sms)
    choose(page, "email_template_id", email)
    marketer.looks_right("campaign-form")
    page.click("#campaign .form-foot button[type=submit]")
    page.wait_for_url(re.compile(r"/campaigns/[0-9a-f-]{36}$"))
    page.wait_for_selector(".waterfall")
    expect(page.locator(".waterfall").first).to_contain_text("220")
    marketer.looks_right("campaign-draft")
    marketer.send("/submit")
    page.wait_for_selector("main a[href$='/review']")
    path = page.url.removeprefix(marketer.house.base_url)
    marketer.go(f"{path}/review")
    assert page.locator("form[action$='/approve']").count() == 0, "the author must not be able to approve"
    return path


def choose(page: Page, name: str, value: str) -> None:
    """Choose in a select, also one that a richer control stands in for."""
    page.evaluate(
        """([name, value]) => { const s = document.querySelector(`select[name=${name}]`);
        if (s.tomselect) { s.tomselect.setValue(value); return; }
        for (const o of s.options) if (o.value === value) o.selected = true;
        s.dispatchEvent(new Event('change', {bubbles: true})); }""",
        [name, value],
    )


def approves(admin: Person, path: str) -> None:
    page = admin.page
    admin.sign_in()
    admin.go("/approvals")
    admin.looks_right("approvals")
    page.click(f"main a[href*='{path}']")
    page.wait_for_selector("form[action$='/approve']")
    expect(page.locator(".stats").first).to_contain_text("220")
    admin.looks_right("review")
    if page.locator("#code").count():
        page.fill("#code", admin.code())
    page.check("#sure")
    page.click("form[action$='/approve'] button.btn-primary")
    page.wait_for_url(re.compile(r"/campaigns/[0-9a-f-]{36}"))


def follows(marketer: Person, path: str) -> None:
    page = marketer.page
    marketer.go(path)
    page.wait_for_selector("#campaign-state .state-good, .page-head .state-good", timeout=90_000)
    marketer.looks_right("campaign-done")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = marketer.house.call("marketer", "GET", f"{path}/results")[1]["data"]["channels"]
        if not sum(c["states"].get("sent", 0) for c in answer):
            break
        time.sleep(0.5)
    marketer.go(f"{path}/results")
    marketer.looks_right("campaign-results")
    marketer.go(f"{path}/not-sent")
    expect(page.locator("main")).to_contain_text("220")
    marketer.looks_right("campaign-not-sent")


def reads_the_mail(house: House, browser: Browser) -> None:
    """The mailbox shows both; the link of an e-mail leads on, and its unsubscribe page works."""
    letter = house.sandbox.received("email", limit=1, full=1)["items"][0]
    leave = re.search(rf"{house.base_url}/u/[\w-]+", json.dumps(letter))
    assert leave
    page = browser.new_page()
    page.goto(house.sandbox.url)
    for kind, sender in (("email", "news@bank.example"), ("sms", "CARILLON")):  # the newest may all be of one kind
        page.click(f"a[href^='/?kind={kind}&']")
        expect(page.locator("body")).to_contain_text(sender)
    page.goto(leave.group())
    page.click("main button[type=submit]")
    page.wait_for_load_state()
    page.close()
    status, listed = house.call("marketer", "GET", "/suppressions?channel=email")
    assert status == 200
    assert [row["reason"] for row in listed["data"]] == ["opt_out"]


def reports(marketer: Person, path: str, house: House) -> None:
    page = marketer.page
    marketer.go(f"/reports/new?campaign={path.rsplit('/', 1)[1]}")
    page.select_option("#language", marketer.language)
    page.fill("#recipients", "manager@bank.example")
    marketer.looks_right("report-new")
    marketer.send("/reports/new")
    page.wait_for_selector("a[href$='/pdf']", timeout=60_000)
    marketer.looks_right("reports")
    with page.expect_download() as waiting:
        page.click("a[href$='/pdf']")
    assert waiting.value.suggested_filename.endswith(".pdf")
    until = time.monotonic() + 30
    while (
        not (mail := house.sandbox.received("email", to="manager@bank.example")["items"]) and time.monotonic() < until
    ):
        time.sleep(0.5)
    assert len(mail) == 1


def test_the_month(house: House, browser: Browser, language: str, tmp_path: Path, servers: Servers) -> None:
    """After the story: its customers are those of the sandbox's core bank."""
    month.goes(house, browser, language, tmp_path, month.looker(servers, f"story_browser_{language}"))


def test_every_page_on_a_phone(house: House, browser: Browser, language: str) -> None:
    """After the story: every list and the campaign, on a phone in the dark, without a violation and without sideways scrolling."""
    person = Person(house, browser, "marketer", language)
    person.page.set_viewport_size({"width": 390, "height": 844})
    person.page.context.add_cookies([{"name": "carillon_theme", "value": "dark", "url": house.base_url}])
    person.sign_in()
    campaign = house.call("marketer", "GET", "/campaigns")[1]["data"][0]["id"]
    places = [
        "/",
        "/contacts",
        "/segments",
        "/imports",
        "/suppressions",
        "/templates",
        "/campaigns",
        f"/campaigns/{campaign}",
    ]
    places += [
        "/messages",
        "/reports",
        "/approvals",
        "/providers",
        f"/campaigns/{campaign}/results",
        "/account/sessions",
    ]
    for place in places:
        person.go(place)
        person.looks_right("phone" + place.replace("/", "-")[:20])
