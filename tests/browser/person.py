"""Somebody at a browser of his own: signs in, walks through pages, and hears what the browser complains of."""

import json
import os
import re
import time
from pathlib import Path

import pyotp
from playwright.sync_api import Browser, Page

from tests.servers.house import House

CHROMIUM = os.environ.get("CARILLON_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
AXE = Path(__file__).parent / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# htmx logs a request that a newer one replaced; a conflict is an answer like another.
EXPECTED = re.compile(r"409|htmx:(sendAbort|afterRequest)")
USED: dict[str, str] = {}  # the last code of each secret, whichever browser showed it
SHOTS = os.environ.get("CARILLON_SHOTS")  # a folder: keep a picture of every page of the story


class Person:
    """Somebody at a browser of his own."""

    def __init__(self, house: House, browser: Browser, role: str, language: str) -> None:
        self.house, self.role, self.language = house, role, language
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-IL")
        cookie = {"name": "carillon_locale", "value": language, "url": house.base_url}
        context.add_cookies([cookie])  # type: ignore[list-item]
        context.set_default_timeout(20_000)
        self.page: Page = context.new_page()
        self.troubles: list[str] = []
        self.expected = EXPECTED
        self.page.on("console", lambda m: self.note(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def note(self, trouble: str) -> None:
        if not self.expected.search(trouble):
            self.troubles.append(trouble)

    def go(self, path: str) -> None:
        self.page.goto(self.house.base_url + path)

    def sign_in(self) -> None:
        access = self.house.access[self.role]
        self.go("/login")
        self.page.fill("#email", access["email"])
        self.page.fill("#password", access["password"])
        self.page.click("main button[type=submit]")
        self.page.fill("#code", self.code())
        self.page.click("main form[action*='/login/code'] button[type=submit]")
        self.page.wait_for_url(f"{self.house.base_url}/")

    def code(self) -> str:
        """A code that was not used yet: a code works once."""
        secret = self.house.access[self.role]["totp_secret"]
        while (code := pyotp.TOTP(secret).now()) == USED.get(secret):
            time.sleep(1)
        USED[secret] = code
        return code

    def send(self, form: str) -> None:
        """Press the submit button of a form, found by the end of its address."""
        self.page.click(f"main form[action$='{form}'] button[type=submit]:visible")

    def looks_right(self, name: str) -> None:
        """No accessibility violation, no trouble in the console, the right direction, nothing wider than the window."""
        page = self.page
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{self.language}-{name}.png", full_page=True)
        assert page.get_attribute("html", "dir") == ("rtl" if self.language == "he" else "ltr")
        page.evaluate(AXE.read_text())
        found = page.evaluate(f"axe.run({{runOnly: {json.dumps(RULES)}}})")
        wrong = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found["violations"]]
        assert wrong == [], (name, wrong)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} is too wide"
        assert self.troubles == [], (name, self.troubles)
