"""The bank's month in a browser: a programme by two people, days with faults, a run, its review, a no, a yes, and its release to the end."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.person import Person
from tests.servers.house import House, wait_for
from tests.servers.throwaway import Servers

DAYS = ("2026-10-09", "2026-10-12", "2026-10-17", "2026-10-20")  # those on which the sandbox's core bank has its faults
WHY = "Looked at with the core bank: only these days count here."
RUN = re.compile(r"/bank/runs/[0-9a-f-]{36}$")


# How many messages of the release are so, told by the database; with a second statement, after that was done.
Look = Callable[..., int]
MADE = "r.made_at IS NOT NULL"
OPEN = "m.state IN ('sending', 'sent', 'in_doubt') OR m.state = 'queued' AND m.retries = 0"


def looker(servers: Servers, database: str) -> Look:
    """A look into the database of a house."""

    def look(where: str, first: str = "SELECT") -> int:
        query = f"""SELECT count(*) FROM messages m JOIN sends s ON s.id = m.send_id
          JOIN qualification_runs r ON r.id = s.source_id WHERE ({where})"""
        return int(servers.postgres.sql(f"{first}; {query}", database).splitlines()[-1])

    return look


def goes(house: House, browser: Browser, language: str, folder: Path, look: Look) -> None:
    """Walk it, with an officer, an approver and an operator."""
    officer, admin = Person(house, browser, "bank_officer", language), Person(house, browser, "admin", language)
    officer.sign_in()
    admin.sign_in()
    wants_a_programme(officer)
    lets_it_in(admin)
    for day in DAYS:
        takes(house, day)
    run = calculates(officer)
    reviews(officer, folder)
    submits(officer, run)
    decides(admin, run, "reject")
    submits(officer, run)
    decides(admin, run, "approve")
    releases(admin, run, look)
    operator = Person(house, browser, "operator", language)
    operator.sign_in()
    sees_the_failures(operator)
    takes(house, "2026-10-13")  # with it come the corrections of the day before
    sees_what_changed(officer)


def wants_a_programme(officer: Person) -> None:
    page = officer.page
    officer.go("/bank/programmes/new")
    page.fill("#name", "Three days")
    page.select_option("#rule", "at_least")
    page.fill("#days", "3")
    page.select_option("#template_id", index=1)
    officer.looks_right("programme")
    officer.send("/programmes/new")
    page.wait_for_url(re.compile(r"/approvals/[0-9a-f-]{36}$"))


def lets_it_in(admin: Person) -> None:
    page = admin.page
    admin.go("/approvals")
    page.click("main a[href*='/approvals/'][href$='" + newest(admin) + "']")
    _code(admin)
    admin.send("/approve")
    page.wait_for_url(re.compile(r"/approvals$"))


def newest(admin: Person) -> str:
    return str(admin.house.call("admin", "GET", "/approvals?state=pending")[1]["data"][0]["id"])


def takes(house: House, day: str) -> None:
    house.call("bank_officer", "POST", "/bank/balances/check", {"from": day, "to": day})

    def is_there() -> bool:
        days = house.call("bank_officer", "GET", "/bank/balances/status?month=2026-10")[1]["data"]
        return any(one["day"] == day and one["state"] == "taken" for one in days)

    wait_for(f"the balances of {day}", 90, is_there)


def calculates(officer: Person) -> str:
    page = officer.page
    officer.go("/bank?month=2026-10")
    officer.looks_right("bank")
    page.locator("main form[action$='/bank/runs'] button[type=submit]").last.click()
    page.wait_for_url(RUN)
    page.wait_for_selector("#sample", timeout=60_000)
    officer.looks_right("run")
    return page.url.removeprefix(officer.house.base_url)


def reviews(officer: Person, folder: Path) -> None:
    """A row is opened by keys alone; one outcome is overridden with a file; one of the sample is ticked."""
    page = officer.page
    run = page.url
    page.goto(f"{run}?outcome=indeterminate")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url(re.compile("/override$"))
    page.check("input[name=outcome][value=qualified]")
    page.fill("#reason", WHY)
    evidence = folder / "statement.pdf"
    evidence.write_bytes(b"%PDF-1.7 a statement")
    page.set_input_files("#evidence", evidence)
    officer.looks_right("override")
    officer.send("/override")
    page.wait_for_url(re.compile("which=overridden"))
    expect(page.locator("#outcomes")).to_contain_text(WHY)
    page.goto(run)
    page.locator("#sample-rows form button").first.click()
    expect(page.locator("#sample-rows .state-good, #sample-rows .state-bad").last).to_be_visible()
    page.locator("#sample-rows [data-open]").first.click()
    page.wait_for_url(re.compile("/customers/"))
    officer.looks_right("customer-month")


def submits(officer: Person, run: str) -> None:
    page = officer.page
    officer.go(f"{run}/submit")
    for reason in page.locator("textarea[name^='waived.']").all():
        reason.fill(WHY)
    officer.looks_right("submit")
    officer.send("/submit")
    page.wait_for_url(RUN)


def decides(admin: Person, run: str, verb: str) -> None:
    page = admin.page
    admin.go(f"{run}/review")
    expect(page.locator("main")).to_contain_text(WHY)
    admin.looks_right(f"month-review-{verb}")
    if verb == "reject":
        page.fill("#note", "Which branch was asked?")
        page.click("button[formaction$='/reject']")
        page.wait_for_url(re.compile(r"/approvals$"))
        return
    page.check("#sure")
    _code(admin)
    page.click("form[action$='/approve'] button.btn-primary")
    page.wait_for_url(RUN)


def releases(admin: Person, run: str, look: Look) -> None:
    """Some numbers do not exist; some are switched off, are tried again hours later, and get it."""
    page, sandbox = admin.page, admin.house.sandbox
    sandbox.faults(status={"*001": "bounced", "*002": "undeliverable"})
    admin.go(run)
    page.click("main .page-actions form[action$='/release'] button, .page-actions form[action$='/release'] button")
    page.locator("dialog[open] button").last.click()
    page.wait_for_selector("#told .tally")
    wait_for("a word about everybody", 120, lambda: look(MADE) and not look(OPEN))
    assert look("m.state = 'failed' AND m.reason = 'invalid_number' AND m.attempts = 1"), "failed for good"
    again = look("m.state = 'queued' AND m.reason = 'timeout' AND m.retries = 1")
    assert again, "tried again"
    sandbox.faults()
    look("false", "UPDATE messages SET due_at = now() WHERE state = 'queued' AND retries = 1")  # six hours pass
    wait_for("those that are tried again", 60, lambda: look("m.state = 'delivered' AND m.retries = 1") == again)
    wait_for("everybody to be told", 60, lambda: look("s.state = 'drained'") and _is_completed(admin.house, run))
    admin.go(run)
    admin.looks_right("month-told")


def _is_completed(house: House, run: str) -> bool:
    return bool(house.call("admin", "GET", run)[1]["data"]["state"] == "completed")


def sees_the_failures(operator: Person) -> None:
    operator.go("/messages/failures")
    expect(operator.page.locator("main a[href*='reason=invalid_number']").first).to_be_visible()
    operator.looks_right("month-failures")


def sees_what_changed(officer: Person) -> None:
    page = officer.page
    officer.go("/bank?month=2026-10")
    page.locator("main form[action$='/bank/runs'] button[type=submit]").last.click()
    page.wait_for_url(RUN)
    page.wait_for_selector("#sample", timeout=60_000)
    expect(page.locator("[data-became]").first).to_be_visible()
    officer.looks_right("run-again")


def _code(admin: Person) -> None:
    if admin.page.locator("#code").count():
        admin.page.fill("#code", admin.code())
