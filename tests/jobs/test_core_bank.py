"""How a job comes to the core bank: as the settings name it, and outside production also in a private network."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from app.core.settings import Settings
from app.gateways.corebank.http_api import HttpApi
from jobs.runtime import Runtime


@pytest.mark.parametrize(("environment", "allowed"), [("production", False), ("demo", True), ("test", True)])
def test_a_private_address_only_outside_production(
    settings: Settings, engine: Engine, factory: sessionmaker[Session], environment: str, allowed: bool
) -> None:
    named = replace(
        settings, environment=environment, core_bank_url="https://core.bank.example/", core_bank_secret="word"
    )
    feed = Runtime(named, engine, factory).open_core_bank()
    assert isinstance(feed, HttpApi)
    assert feed.http.base_url == "https://core.bank.example"
    assert feed.http.headers["Authorization"] == "Bearer word"
    assert feed.http.allow_private is allowed
