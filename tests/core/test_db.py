"""Engines: connections that died in the pool are not handed out."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.core.db import make_engine
from app.core.settings import Settings
from tests.servers.throwaway import Servers


def test_what_the_server_closed_is_not_used_again(servers: Servers, settings: Settings) -> None:
    """As after a restart of PostgreSQL: nobody notices, however many connections were kept."""
    engine = make_engine(settings)
    mine = text("SELECT pg_backend_pid()")
    with engine.connect() as one, engine.connect() as two:
        kept = [one.execute(mine).scalar_one(), two.execute(mine).scalar_one()]
    for pid in kept:
        servers.postgres.sql(f"SELECT pg_terminate_backend({pid}, 5000)")
    with engine.connect() as one, engine.connect() as two:
        assert not {one.execute(mine).scalar_one(), two.execute(mine).scalar_one()} & {*kept}
    engine.dispose()


def test_one_that_has_something_to_say_is_kept(servers: Servers, settings: Settings) -> None:
    engine, mine = make_engine(settings), text("SELECT pg_backend_pid()")
    with engine.connect() as one:
        one.execute(text("LISTEN news"))
        one.commit()
        kept = one.execute(mine).scalar_one()
    servers.postgres.sql("NOTIFY news", settings.database_url.partition("?")[0].rpartition("/")[2])
    with engine.connect() as one:
        assert one.execute(mine).scalar_one() == kept
    engine.dispose()


def test_what_runs_with_the_rights_of_its_owner_finds_no_temporary_namesakes(settings: Settings) -> None:
    """Whoever may make temporary tables would otherwise choose what such a function reads, writes and drops."""
    engine = make_engine(settings)
    with engine.connect() as one:
        query = "SELECT proname, proconfig FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        found = {row.proname: row.proconfig for row in one.execute(text(query))}
    engine.dispose()
    assert len(found) > 10
    assert [name for name, config in found.items() if "search_path=pg_catalog, public, pg_temp" not in config] == []


def test_the_login_of_web_and_workers_cannot_become_the_owner(servers: Servers, settings: Settings) -> None:
    name = settings.database_url.partition("?")[0].rpartition("/")[2]
    engine = make_engine(replace(settings, database_url=servers.postgres.url(name)))
    with engine.connect() as one:
        assert one.execute(text("SELECT current_user, session_user")).one() == ("carillon_app", "carillon_run")
        assert one.execute(text("SELECT ensure_partitions(3)")).scalar_one() == 0, "upkeep goes on without the owner"
        for role in ("carillon_owner", "carillon", "postgres"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                one.execute(text(f"SET ROLE {role}"))
            one.rollback()
    engine.dispose()
