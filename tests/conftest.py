"""What every test may ask for: servers, settings, an engine, a session that forgets, an organisation."""

import contextlib
import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import system
from app.core.db import make_engine
from app.core.settings import Settings
from app.domain import nouns as _gathered  # noqa: F401 - every noun declares itself
from app.domain.access import users
from app.domain.access.models import Organisation
from app.domain.calendar import hours
from tests.noskips import pytest_make_collect_report, pytest_runtest_makereport
from tests.servers.throwaway import VARIABLE, Servers, found_or_started

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

COPIED: set[str] = set()  # where one process runs pytest again and again, one copy serves: every test forgets
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
NUMBER = int(WORKER.removeprefix("gw")) + 1  # Valkey's database 0 is left to whoever starts real processes


def pytest_configure(config: pytest.Config) -> None:
    """With several processes, start the servers in the first of them; the others find them in the environment."""
    if getattr(config.option, "numprocesses", None) and VARIABLE not in os.environ:
        stack = contextlib.ExitStack()
        os.environ[VARIABLE] = stack.enter_context(found_or_started()).describe()
        config.add_cleanup(stack.close)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and Valkey for the whole run, database `carillon` migrated."""
    with found_or_started() as ours:
        yield ours


@pytest.fixture(scope="session")
def settings(servers: Servers) -> Settings:
    """Settings with this process's own copy of the database; a test may become its owner, to tamper."""
    name = f"tests_{WORKER}"
    if name not in COPIED:
        servers.copy(name)
        COPIED.add(name)
    return Settings.from_env(servers.env(name, redis=NUMBER) | {"DATABASE_URL": servers.postgres.owner_url(name)})


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Iterator[Engine]:
    """The engine of the application: it works as carillon_app, bound by row-level security."""
    engine = make_engine(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def factory(engine: Engine, settings: Settings) -> Iterator[sessionmaker[Session]]:
    """Sessions whose commits are savepoints: whatever a test commits is rolled back at its end.

    They share one connection, so two of them must not be in a transaction for two organisations at once.
    """
    with engine.connect() as connection:
        whole = connection.begin()
        yield sessionmaker(
            connection,
            info={"settings": settings},
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
        )
        whole.rollback()


@pytest.fixture
def session(factory: sessionmaker[Session]) -> Iterator[Session]:
    """One session that forgets everything at the end of the test."""
    with factory() as session:
        yield session


@pytest.fixture
def organisation(session: Session) -> Organisation:
    """An organisation; the session works for it, as the system."""
    made = users.create_organisation(session, users.NewOrganisation(name="Bank of the Tests"))
    hours.keep(session, hours.ALWAYS, by=system(made.id))  # tests run at night, too
    return made


@pytest.fixture
def own_settings(servers: Servers, request: pytest.FixtureRequest) -> Settings:
    """Settings with a database of this test's own, for tests that commit, race or start processes."""
    name = f"own_{WORKER}_{abs(hash(request.node.nodeid)) % 10**8}"
    servers.copy(name)
    return Settings.from_env(servers.env(name, redis=NUMBER))
