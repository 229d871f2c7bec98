"""A bank for imports, which commit."""

from collections.abc import Iterator

import pytest

from app.core.settings import Settings
from tests.conftest import NUMBER, WORKER
from tests.domain.transfer.loads import Bank, bank
from tests.servers.throwaway import Servers


@pytest.fixture(scope="session")
def loading_settings(servers: Servers) -> Settings:
    """Settings with a database that the tests of imports share."""
    name = f"imports_{WORKER}"
    servers.copy(name)
    return Settings.from_env(servers.env(name, redis=NUMBER))


@pytest.fixture
def ours(loading_settings: Settings) -> Iterator[Bank]:
    """A fresh organisation in it."""
    with bank(loading_settings) as made:
        yield made
