"""The house tests itself: sizes, locks on routes, security of tables, jobs, settings, named SQL."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.core import nouns, sql
from app.core.queue import QUEUES, UPKEEP, Job
from app.core.settings import Settings
from app.domain import tables
from app.domain.access.models import Organisation
from app.domain.access.permissions import roles
from app.domain.transfer import loading
from app.factory import create_app
from migrations import security

ROOT = Path(__file__).parents[2]
ROOMS = ("app", "jobs", "sandbox", "ops")


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    return create_app(settings)


def python_files() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_is_too_long(path: Path) -> None:
    most = 300 if path.name == "models.py" else 400
    assert len(path.read_text().splitlines()) <= most


def test_every_route_has_a_lock(app: Flask) -> None:
    """A view is public, or it names a permission that some role holds ("" is anybody who is signed in)."""
    known = frozenset().union(*roles().values()) | {""}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if getattr(view, "is_public", False):
            continue
        assert hasattr(view, "allows"), f"{rule} has neither @allow nor @public"
        assert view.allows in known, f"{rule} needs {view.allows!r}, which no role holds"


def test_what_is_public_is_known(app: Flask) -> None:
    found = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if getattr(app.view_functions[rule.endpoint], "is_public", False)
    }
    assert found == {
        "static", "health.healthz", "health.readyz", "public.script", "public.opened", "public.clicked", "public.ask_unsubscribe",
        "public.unsubscribe", "public.ask_leave", "public.leave", "account.login", "account.enter", "kept.keep", "account.code", "account.confirm", "account.logout",
        "preferences.set_locale", "preferences.set_theme", "inbound_api.take", "inbound_api.hear",
    }  # fmt: skip


def test_no_get_changes_anything(app: Flask) -> None:
    """A route that takes GET takes no other method: what changes has an address of its own."""
    for rule in app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert methods == {"GET"} or "GET" not in methods, rule


def test_every_owned_table_is_secured(engine: Engine) -> None:
    with engine.connect() as connection:
        for table in tables.owned():
            secured = connection.execute(
                text("SELECT relrowsecurity FROM pg_class WHERE oid = to_regclass(:name)"),
                {"name": f"public.{table.name}"},
            ).scalar()
            assert secured, f"{table.name} has no row-level security"
            columns = connection.execute(
                text("SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute"
                     " WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped"),
                {"name": f"live.{table.name}"},
            ).scalar()  # fmt: skip
            assert sorted(columns or []) == sorted(c.name for c in table.columns), f"live.{table.name} is out of date"


def test_the_application_may_do_with_a_table_what_its_model_says(engine: Engine) -> None:
    """Append-only tables are so for the database, too; a table that says nothing may be changed."""
    granted = text("SELECT array_agg(privilege_type::text) FROM information_schema.role_table_grants"
                   " WHERE table_schema = 'public' AND table_name = :name AND grantee = 'carillon_app'")  # fmt: skip
    with engine.connect() as connection:
        for table in tables.owned():
            rights = set(connection.execute(granted, {"name": table.name}).scalar() or [])
            assert rights == set(table.info.get("rights", security.ALL).split(", ")), table.name


def test_the_models_are_what_the_migrations_make(engine: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _ours})
        assert compare_metadata(context, tables.metadata) == []


def _ours(_thing: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
    """Partitions and what hangs on them are made by a function, Alembic's own table by Alembic."""
    return not (
        reflected and name and (kind == "table" and (name == "alembic_version" or re.search(r"_\d{4}_\d{2}$", name)))
    )


@pytest.mark.parametrize("job", [UPKEEP, *nouns.every(lambda noun: noun.jobs)], ids=lambda job: job.function)
def test_every_job_is_answered(job: Job) -> None:
    module, _, name = job.function.rpartition(".")
    assert callable(getattr(import_module(module), name))
    assert job.queue in QUEUES


# Tables that exist only while a unit of work needs them.
TEMPORARY = {"transfer/queries.sql": loading.STAGE}
NAMED = [(path, name) for path in sql.every_file() for name in sql.load(path)]


@pytest.mark.parametrize(("path", "name"), NAMED, ids=lambda v: v)
def test_every_named_statement_can_be_planned(
    session: Session, organisation: Organisation, path: str, name: str
) -> None:
    """GENERIC_PLAN plans a statement whose values are not known: a column or table that is gone shows here."""
    statement = sql.load(path)[name].text
    places = list(dict.fromkeys(re.findall(r"(?<!:):([a-z_]+)", statement)))
    numbered = re.sub(r"(?<!:):([a-z_]+)", lambda m: f"${places.index(m.group(1)) + 1}", statement)
    cursor = session.connection().connection.cursor()
    cursor.execute(TEMPORARY.get(path, "SELECT"))
    cursor.execute("EXPLAIN (GENERIC_PLAN) " + numbered)


def test_every_setting_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    source = (ROOT / "app" / "core" / "settings.py").read_text()
    for name in set(re.findall(r'"((?:CARILLON|DATABASE|REDIS)_[A-Z_]+)"', source)):
        assert name in readme, f"{name} is not in the README"


def test_every_command_stands_in_the_readme(app: Flask) -> None:
    readme = (ROOT / "README.md").read_text()
    for name in set(app.cli.commands) - {"run", "shell", "routes"}:
        assert f"flask {name}" in readme or f" {name}" in readme, f"flask {name} is not in the README"


def test_time_is_read_in_one_place_only() -> None:
    for path in (ROOT / "app" / "domain").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in ("now", "utcnow", "today")
                and isinstance(node.value, ast.Name)
            ):
                assert node.value.id not in ("datetime", "date"), f"{path}:{node.lineno} reads the clock itself"


def test_sweeping_excepts_stand_in_two_places_only() -> None:
    allowed = {"jobs/runtime.py", "app/http/errors.py"}
    for room in ("app", "jobs"):
        for path in (ROOT / room).rglob("*.py"):
            if "except Exception" in path.read_text():
                assert str(path.relative_to(ROOT)) in allowed
