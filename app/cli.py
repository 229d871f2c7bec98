"""The command line: flask migrate | seed-demo | doctor | audit-verify."""

import json
import sys
from pathlib import Path

import click
from flask import Flask, current_app
from sqlalchemy import text

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.audit import trail


def register(app: Flask) -> None:
    """Hang the commands on the application."""
    app.cli.add_command(migrate)
    app.cli.add_command(seed_demo)
    app.cli.add_command(audit_verify)


def migrate_database(settings: Settings) -> None:
    """Bring the schema to the newest version; nothing happens when it is there already."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.attributes["settings"] = settings
    command.upgrade(config, "head")


@click.command("migrate")
def migrate() -> None:
    """Bring the database to the newest version."""
    migrate_database(current_app.config["SETTINGS"])


@click.command("seed-demo")
@click.option(
    "--access-file", type=click.Path(path_type=Path), required=True, help="Where to write the demo logins (mode 600)."
)
def seed_demo(access_file: Path) -> None:
    """Load the demo organisation, once, and write its logins."""
    from app import demo

    settings: Settings = current_app.config["SETTINGS"]
    factory = session_factory(make_engine(settings), settings)
    access = demo.load(factory, settings)
    if access is None:
        click.echo("The demo organisation is there already.")
        return
    access_file.touch(mode=0o600, exist_ok=True)
    access_file.chmod(0o600)
    access_file.write_text(json.dumps(access, indent=2))
    click.echo(f"The demo organisation is loaded; its logins are in {access_file}.")


@click.command("audit-verify")
def audit_verify() -> None:
    """Read every organisation's audit chain and tell whether anything was changed, removed or added."""
    settings: Settings = current_app.config["SETTINGS"]
    factory = session_factory(make_engine(settings), settings)
    with unit_of_work(factory, None) as session:
        ids = list(session.execute(text("SELECT organisation_ids()")).scalars())
    broken = False
    for organisation_id in ids:
        with unit_of_work(factory, system(organisation_id)) as session:
            verdict = trail.verify_chain(session)
        state = "whole" if verdict.broken_at is None else f"BROKEN at entry {verdict.broken_at}: {verdict.reason}"
        click.echo(f"{organisation_id}: {verdict.entries} entries, {state}")
        broken = broken or verdict.broken_at is not None
    sys.exit(1 if broken else 0)
