"""The pages work as a role that row-level security binds, or not at all."""

from collections.abc import Iterator

import pytest

from app import factory
from app.core.db import engine_options
from app.core.settings import Settings
from tests.conftest import WORKER
from tests.servers.throwaway import Servers

ROLE = f"unbound_{WORKER}"


@pytest.fixture
def unbound(servers: Servers) -> Iterator[str]:
    """A role that policies do not bind, and that the login may take on."""
    servers.postgres.sql(f"CREATE ROLE {ROLE} BYPASSRLS")
    servers.postgres.sql(f"GRANT {ROLE} TO carillon")
    yield ROLE
    servers.postgres.sql(f"DROP ROLE {ROLE}")


def test_no_page_is_made_as_a_role_that_bypasses_security(
    unbound: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factory, "engine_options", lambda: engine_options(unbound))
    client = factory.create_app(settings).test_client()
    assert client.get("/healthz").status_code == 200, "nothing connects at the start"
    assert client.get("/readyz").status_code == 500
    assert client.get("/readyz").status_code == 500, "not only the first time"
