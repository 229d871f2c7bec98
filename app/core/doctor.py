"""What an installation needs to work and to be safe, looked at one by one: `flask doctor`, and the parts of /readyz.

A finding that is grave means: do not serve customers like this. The others are worth a look.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from redis.exceptions import RedisError
from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.core import queue
from app.core.settings import Settings

OLDEST_SERVER = 180000
FREE_SHARE = 0.10
_UNSAFE_ROLE = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
_OWNS = "SELECT pg_has_role(session_user, 'carillon_owner', 'SET')"
_NEXT_MONTH = "SELECT to_regclass('public.messages' || to_char(now() + interval '1 month', '_YYYY_MM')) IS NOT NULL"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `problem` is empty when it is well."""

    name: str
    problem: str = ""
    is_grave: bool = False


def examine(settings: Settings, engine: Engine) -> Iterator[Finding]:
    """Look at everything; never raises for what it finds."""
    yield from _database(engine)
    yield from _valkey(settings)
    yield from _place(settings)
    yield from _rules(settings)


def schema(connection: Connection) -> str:
    """What is wrong with the schema's version, or nothing."""
    version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return "" if version == newest() else f"schema {version}, needs {newest()}: run flask migrate"


@cache
def newest() -> str | None:
    """The revision this program was written for."""
    return ScriptDirectory(str(Path(__file__).parents[2] / "migrations")).get_current_head()


def workers(redis_url: str) -> str:
    """Which queues nobody listens to, or nothing. Raises RedisError."""
    missing = sorted({*queue.QUEUES, "sweeper"} - queue.listening(redis_url))
    return f"missing: {', '.join(missing)}" if missing else ""


def _database(engine: Engine) -> Iterator[Finding]:
    asked: dict[str, Callable[[Connection], str]] = {
        "server": _server,
        "schema": schema,
        "role": lambda c: "can bypass row-level security" if c.execute(text(_UNSAFE_ROLE)).scalar() else "",
        "login": lambda c: (
            "can become the owner of the database: use carillon_run" if c.execute(text(_OWNS)).scalar() else ""
        ),
        "partitions": lambda c: (
            "" if c.execute(text(_NEXT_MONTH)).scalar() else "none for next month: is upkeep running?"
        ),
    }
    try:
        with engine.connect() as connection:
            yield Finding("database")
            for name, ask in asked.items():
                yield Finding(name, ask(connection), is_grave=True)
    except (SQLAlchemyError, RuntimeError) as broke:
        yield Finding("database", str(getattr(broke, "orig", broke)).strip().partition("\n")[0], is_grave=True)


def _server(connection: Connection) -> str:
    number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    return "" if number >= OLDEST_SERVER else f"PostgreSQL {number // 10000} is too old: 18 or newer"


def _valkey(settings: Settings) -> Iterator[Finding]:
    try:
        told = queue.connection(settings.redis_url).info()
        yield Finding("Valkey")
        kept = told.get("aof_enabled") == 1
        yield Finding("Valkey's memory", "" if kept else "appendonly is off: a restart forgets every ring")
        policy = told.get("maxmemory_policy", "noeviction")
        yield Finding(
            "Valkey's limit", "" if policy == "noeviction" else f"maxmemory-policy is {policy}: it forgets rings"
        )
        yield Finding("workers", workers(settings.redis_url))
    except RedisError as broke:
        yield Finding("Valkey", f"{type(broke).__name__}: nothing is rung, the sweeper cannot help", is_grave=True)


def _place(settings: Settings) -> Iterator[Finding]:
    mode = settings.master_key_file.stat().st_mode & 0o077 if settings.master_key_file.is_file() else 0
    yield Finding("master key", f"others may read {settings.master_key_file}: chmod 600" if mode else "", is_grave=True)
    writable = settings.data.is_dir() and os.access(settings.data, os.W_OK)
    yield Finding("data folder", "" if writable else f"{settings.data} cannot be written", is_grave=True)
    if writable:
        disk = shutil.disk_usage(settings.data)
        share = disk.free / disk.total
        yield Finding("disk", "" if share >= FREE_SHARE else f"{share:.0%} free")


def _rules(settings: Settings) -> Iterator[Finding]:
    if settings.is_production:
        secure = settings.base_url.startswith("https://")
        yield Finding(
            "address", "" if secure else f"{settings.base_url} is not https: cookies go in clear", is_grave=True
        )
        played = settings.sandbox_url or settings.sandbox_smtp
        yield Finding("sandbox", "a sandbox is set in production" if played else "", is_grave=True)
        yield Finding(
            "staff mail", "" if settings.staff_smtp else "CARILLON_STAFF_SMTP is not set: no report is mailed"
        )
    else:
        none = not settings.allowed_recipients
        yield Finding(
            "allowed recipients", "CARILLON_ALLOWED_RECIPIENTS is empty: nobody gets anything" if none else ""
        )
