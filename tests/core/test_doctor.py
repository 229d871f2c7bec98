"""The doctor: a good installation is well, and each thing that is wrong is named."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from app.core import doctor
from app.core.db import make_engine
from app.core.settings import Settings
from tests.servers.throwaway import Servers


@pytest.fixture(scope="module")
def settings(servers: Servers, settings: Settings) -> Settings:
    """As web and workers have them."""
    name = settings.database_url.partition("?")[0].rpartition("/")[2]
    return replace(settings, database_url=servers.postgres.url(name))


@pytest.fixture
def engine(settings: Settings) -> Engine:
    return make_engine(settings)


def problems(settings: Settings, engine: Engine) -> dict[str, tuple[str, bool]]:
    return {f.name: (f.problem, f.is_grave) for f in doctor.examine(settings, engine) if f.problem}


def test_a_test_system_is_well_but_for_its_workers(settings: Settings, engine: Engine) -> None:
    settings.master_key_file.chmod(0o600)
    assert set(problems(settings, engine)) <= {"workers", "Valkey's memory"}


def test_an_unsafe_production_is_told_so(settings: Settings, engine: Engine) -> None:
    unsafe = replace(
        settings, environment="production", base_url="http://bank.example", sandbox_url="http://127.0.0.1:1"
    )
    found = problems(unsafe, engine)
    assert found["address"][1]
    assert found["sandbox"][1]
    assert found["staff mail"] == ("CARILLON_STAFF_SMTP is not set: no report is mailed", False)


def test_what_others_may_read_or_nobody_may_write(settings: Settings, engine: Engine, tmp_path: Path) -> None:
    key = tmp_path / "master.key"
    key.write_text("00" * 32)
    key.chmod(0o644)
    found = problems(replace(settings, master_key_file=key, data=tmp_path / "nowhere"), engine)
    assert "chmod 600" in found["master key"][0]
    assert found["data folder"][1]


def test_a_database_that_is_not_there(settings: Settings) -> None:
    nowhere = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing", connect_args={"connect_timeout": 2})
    assert problems(settings, nowhere)["database"][1]


def test_a_database_of_an_older_version(settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "newest", lambda: "9999")
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert problems(settings, engine)["schema"] == (f"schema {version}, needs 9999: run flask migrate", True)


def test_a_valkey_that_is_not_there(settings: Settings, engine: Engine) -> None:
    assert problems(replace(settings, redis_url="redis://127.0.0.1:1/0"), engine)["Valkey"][1]


def test_a_login_that_could_own_the_database_is_named(settings: Settings) -> None:
    assert problems(settings, make_engine(replace(settings, database_url=settings.owner_url)))["login"][1]
