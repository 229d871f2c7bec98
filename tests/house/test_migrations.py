"""No migration stops a running bank: squawk reads what each says to the database and names locks that others wait for.

Where a lock is held for a moment only (a small table, one that is new), the statement says so: `-- squawk-ignore <rule>`, with the reason.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.cli import migrate_database
from app.core.settings import Settings
from tests.conftest import NUMBER, WORKER
from tests.servers.throwaway import Servers

BASELINE = "0041"  # up to here no bank was running
SQUAWK = Path(sys.executable).parent / "squawk"
# Web and workers of the version before do not run beside a migration, views are made anew with their tables, a run is one
# transaction that is repeated whole, and migrations/env.py sets the time-outs. A whole number is as wide as what it counts.
OTHERWISE = (
    "prefer-robust-stmts", "ban-drop-view", "renaming-table", "renaming-column", "renaming-object", "ban-drop-column", "ban-drop-table",
    "ban-drop-constraint", "require-lock-timeout", "require-statement-timeout", "prefer-bigint-over-int", "prefer-bigint-over-smallint",
)  # fmt: skip
_DONE = re.compile(r"(?:INSERT INTO|UPDATE) alembic_version .*?'(\w+)'", re.DOTALL)


@pytest.fixture(scope="module")
def told(servers: Servers) -> list[str]:
    """Everything that is said to an empty database until it is migrated, in its order; read from the driver."""
    name, every, execute = f"migrated_{WORKER}", [], psycopg.Cursor.execute
    servers.postgres.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    servers.postgres.sql(f'CREATE DATABASE "{name}" OWNER carillon_owner')

    def note(cursor: Any, query: Any, *rest: Any, **more: Any) -> Any:
        every.append(str(query))
        return execute(cursor, query, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", note)
        migrate_database(Settings.from_env(servers.env(name, redis=NUMBER)))
    servers.postgres.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    return every


def by_revision(told: list[str]) -> dict[str, str]:
    """The statements of each migration: they end where its number is written down."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    for statement in told:
        if done := _DONE.match(statement):
            found[done.group(1)] = ";\n".join(waiting) + ";\n"
            waiting = []
        else:
            waiting.append(statement)
    return found


def locks(sql: str, folder: Path) -> list[str]:
    """What squawk says of it."""
    file = folder / "migration.sql"
    file.write_text(sql, encoding="utf-8")
    words = ["--assume-in-transaction", "--pg-version", "18.0", "--reporter", "gcc", f"--exclude={','.join(OTHERWISE)}"]
    done = subprocess.run([SQUAWK, *words, file], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return re.findall(r"(?:warning|error): (.*)", done.stdout)


def test_no_migration_holds_a_lock_that_others_wait_for(told: list[str], tmp_path: Path) -> None:
    every = by_revision(told)
    assert BASELINE in every
    found = {revision: locks(sql, tmp_path) for revision, sql in every.items() if revision > BASELINE}
    assert {revision: said for revision, said in found.items() if said} == {}


def test_a_migration_that_waits_for_a_lock_gives_up(told: list[str]) -> None:
    """Everybody behind it in the queue of the lock would wait, too."""
    first = next(statement for statement in told if "lock_timeout" in statement)
    assert told.index(first) < next(n for n, statement in enumerate(told) if "CREATE" in statement)


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("CREATE INDEX x ON messages (state);", "require-concurrent-index-creation"),
        ("ALTER TABLE messages ADD CONSTRAINT x CHECK (rank > 0);", "constraint-missing-not-valid"),
        ("ALTER TABLE messages ALTER COLUMN rank TYPE bigint;", "changing-column-type"),
        ("-- squawk-ignore require-concurrent-index-creation\nCREATE INDEX x ON api_keys (name);", ""),
        ("ALTER TABLE messages ADD COLUMN note text;", ""),
    ],
)
def test_what_counts_as_one(sql: str, rule: str, tmp_path: Path) -> None:
    assert [said.partition(" ")[0] for said in locks(sql, tmp_path)] == ([rule] if rule else [])
