"""One Chromium, and the demonstration bank with its three weeks of life."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.person import ARGUMENTS, CHROMIUM
from tests.servers.house import House, whole
from tests.servers.throwaway import Servers


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        one = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield one
        one.close()


@pytest.fixture(scope="session")
def living(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A bank whose lists are full: for tests that look at every page and change little."""
    with whole(servers, "living", tmp_path_factory.mktemp("living"), empty=False) as one:
        yield one
