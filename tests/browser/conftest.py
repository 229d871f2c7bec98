"""One Chromium for all of them; what a test opens in it is closed with the test."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.person import ARGUMENTS, CHROMIUM


@pytest.fixture(scope="package")  # no longer: while it runs, its process can have no other loop of asyncio
def chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        one = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield one
        one.close()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    before = chromium.contexts
    yield chromium
    for context in chromium.contexts:
        if context not in before:
            context.close()
