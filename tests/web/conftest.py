"""An application with a house full of people, once for all page tests."""

import pytest
from flask import Flask

from app.core.settings import Settings
from app.factory import create_app
from tests.conftest import NUMBER, WORKER
from tests.servers.throwaway import Servers
from tests.web.campaigning import ROLES, Campaigning, campaigning
from tests.web.pages import House, house


@pytest.fixture(scope="session")
def page_settings(servers: Servers) -> Settings:
    """Settings with a database that the page tests share: they commit."""
    name = f"pages_{WORKER}"
    servers.copy(name)
    return Settings.from_env(servers.env(name, redis=NUMBER))


@pytest.fixture(scope="session")
def page_app(page_settings: Settings) -> Flask:
    return create_app(page_settings)


@pytest.fixture
def bank(page_app: Flask, page_settings: Settings) -> House:
    """A bank of this test's own."""
    return house(page_app, page_settings)


@pytest.fixture
def campaigns(page_app: Flask, page_settings: Settings) -> Campaigning:
    """A bank of this test's own with an audience, a text and a provider."""
    return campaigning(house(page_app, page_settings, roles=ROLES))
