"""Somebody at a browser of his own: signs in, walks through pages, and hears what the browser complains of."""

import os
import re
import time
from typing import Any

import pyotp
from playwright.sync_api import Browser, Page

from tests.browser.axe import complaints
from tests.servers.house import House

CHROMIUM = os.environ.get("CARILLON_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# htmx logs a request that a newer one replaced; a conflict is an answer like another.
EXPECTED = re.compile(r"409|htmx:(sendAbort|afterRequest)")
USED: dict[str, str] = {}  # the last code of each secret, whichever browser showed it
SIGNED_IN: dict[tuple[str, str], list[Any]] = {}  # the session of whoever has signed in, by house and role
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
        """By password and code; who has done so in this house before comes with the session he has."""
        who = (self.house.base_url, self.role)
        if who in SIGNED_IN:
            self.page.context.add_cookies(SIGNED_IN[who])
            return
        access = self.house.access[self.role]
        self.go("/login")
        self.page.fill("#email", access["email"])
        self.page.fill("#password", access["password"])
        self.page.click("main button[type=submit]")
        self.page.fill("#code", self.code())
        self.page.click("main form[action*='/login/code'] button[type=submit]")
        self.page.wait_for_url(f"{self.house.base_url}/")
        SIGNED_IN[who] = [one for one in self.page.context.cookies() if one["name"] == "sid"]

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
        assert complaints(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} is too wide"
        assert self.troubles == [], (name, self.troubles)
