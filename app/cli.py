"""The command line: flask migrate | doctor | create-organisation | organisations | seed-demo | audit-verify."""

import json
import sys
from pathlib import Path
from uuid import UUID

import click
from flask import Flask, current_app
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from app.core import doctor
from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.errors import Conflict, DomainError
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.access.keyring import organisation_of
from app.domain.audit import anchors, chain


def register(app: Flask) -> None:
    """Hang the commands on the application."""
    app.cli.add_command(migrate)
    app.cli.add_command(examine)
    app.cli.add_command(create_organisation)
    app.cli.add_command(reset_sign_in)
    app.cli.add_command(organisations)
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


@click.command("doctor")
def examine() -> None:
    """Look at everything an installation needs; the status is 1 when customers must not be served like this."""
    settings: Settings = current_app.config["SETTINGS"]
    grave = 0
    for finding in doctor.examine(settings, make_engine(settings)):
        mark = "ok" if not finding.problem else "BAD" if finding.is_grave else "look"
        click.echo(f"{mark:5}{finding.name}{': ' if finding.problem else ''}{finding.problem}")
        grave += mark == "BAD"
    sys.exit(1 if grave else 0)


@click.command("seed-demo")
@click.option(
    "--access-file", type=click.Path(path_type=Path), required=True, help="Where to write the demo logins (mode 600)."
)
@click.option("--empty", is_flag=True, help="Only its people and providers, without customers and campaigns.")
@click.option("--months", is_flag=True, help="With two months of the bank, which the workers make afterwards.")
@click.option("--contacts", type=click.IntRange(min=0), default=0, help="So many customers more, also later.")
@click.option("--events", type=click.IntRange(min=0), default=0, help="So many events of 60 days more, also later.")
def seed_demo(access_file: Path, empty: bool, months: bool, contacts: int, events: int) -> None:
    """Load the demo organisation, once, and write its logins; not while the workers run."""
    from app import demo
    from app.demo import visits

    settings: Settings = current_app.config["SETTINGS"]
    factory = session_factory(make_engine(settings), settings)
    access = demo.load(factory, settings, empty=empty, months=months)
    if access is None:
        click.echo("The demo organisation is there already.")
    else:
        access_file.touch(mode=0o600, exist_ok=True)
        access_file.chmod(0o600)
        access_file.write_text(json.dumps(access, indent=2))
        click.echo(f"The demo organisation is loaded; its logins are in {access_file}.")
    if contacts or events:
        try:
            visits.more(factory, settings, contacts=contacts, events=events)
        except Conflict as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"{contacts:,} customers and {events:,} events were added.")


@click.command("create-organisation")
@click.option("--name", required=True, help="The organisation's name.")
@click.option("--email", required=True, help="The address its first owner signs in with.")
@click.option("--admin", required=True, help="The first owner's own name.")
@click.option("--second-email", required=True, help="The address its second owner signs in with.")
@click.option("--second-admin", required=True, help="The second owner's name.")
def create_organisation(name: str, email: str, admin: str, second_email: str, second_admin: str) -> None:
    """Make an organisation with its first two owners, who then add everybody else: rights are given by two.

    A terminal is asked for each password; where there is none, or nothing is typed, one is made and printed once.
    """
    settings: Settings = current_app.config["SETTINGS"]
    people = [(admin.strip(), email), (second_admin.strip(), second_email)]
    if not (name.strip() and all(person for person, _ in people)):
        raise click.ClickException("The organisation and its owners need a name. Nothing was made.")
    typed = [_asked_for(person) if _is_terminal() else "" for person, _ in people]
    passwords = [given or users.new_password() for given in typed]
    try:
        with unit_of_work(session_factory(make_engine(settings), settings), None) as session:
            if any(users.by_address(session, users.address_of(address), name.strip()) for _, address in people):
                raise Conflict("This address is taken already.")
            made = users.create_organisation(session, users.NewOrganisation(name=name.strip()))
            owners = [
                users.create_user(
                    session, email=address, name=person, role="owner", password=password, is_first=not given,
                    by=system(made.id),
                )
                for (person, address), password, given in zip(people, passwords, typed, strict=True)
            ]  # fmt: skip
    except DomainError as broke:
        raise click.ClickException(f"{broke} Nothing was made.") from None
    click.echo(f"{made.name} is there.")
    for user, password, given in zip(owners, passwords, typed, strict=True):
        proof = "the password just typed" if given else f"this password, shown only now: {password}"
        click.echo(f"{user.name} signs in at {settings.base_url} with {user.email} and {proof}")
    click.echo(
        "The first sign-in shows a code to scan with an authenticator. Then: Settings, Users, to add the others."
    )


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _asked_for(person: str) -> str:
    prompt = f"The password of {person}, 12 characters or more (Enter: one is made)"
    return str(click.prompt(prompt, default="", show_default=False, hide_input=True, confirmation_prompt="Once more"))


@click.command("reset-sign-in")
@click.option("--email", required=True, help="The address they sign in with.")
@click.option("--organisation", default="", help="Its name, where several know the address.")
def reset_sign_in(email: str, organisation: str) -> None:
    """Let somebody begin anew who lost password or authenticator, also the only owner: a first password is printed once."""
    settings: Settings = current_app.config["SETTINGS"]
    with unit_of_work(session_factory(make_engine(settings), settings), None) as session:
        try:
            user = users.by_address(session, email, organisation)
        except Conflict as several:
            raise click.ClickException(str(several)) from several
        if user is None:
            raise click.ClickException("Nobody signs in with this address. Nothing was changed.")
        user, password = users.reset(session, user.id, by=system(user.organisation_id))
    click.echo(f"{user.name} signs in at {settings.base_url} with this password, shown only now: {password}")


@click.command("organisations")
def organisations() -> None:
    """List the organisations there are."""
    settings: Settings = current_app.config["SETTINGS"]
    factory = session_factory(make_engine(settings), settings)
    ids = _organisation_ids(factory)
    for organisation_id in ids:
        with unit_of_work(factory, system(organisation_id)) as session:
            click.echo(f"{organisation_id}: {organisation_of(session).name}")
    if not ids:
        click.echo("There is no organisation.")


def _organisation_ids(factory: sessionmaker[Session]) -> list[UUID]:
    with unit_of_work(factory, None) as session:
        return list(session.execute(text("SELECT organisation_ids()")).scalars())


@click.command("audit-verify")
def audit_verify() -> None:
    """Read every organisation's audit chain and tell whether anything was changed, removed or added."""
    settings: Settings = current_app.config["SETTINGS"]
    factory = session_factory(make_engine(settings), settings)
    here = _organisation_ids(factory)
    gone = sorted(anchors.organisations(settings) - set(here))
    for organisation_id in gone:
        click.echo(f"{organisation_id}: BROKEN: the organisation was removed with all its entries")
    broken = bool(gone)
    for organisation_id in here:
        with unit_of_work(factory, system(organisation_id)) as session:
            verdict = chain.verify(session, by=system(organisation_id))
        state = "whole" if verdict.broken_at is None else f"BROKEN at entry {verdict.broken_at}: {verdict.reason}"
        click.echo(f"{organisation_id}: {verdict.entries} entries, {state}")
        broken = broken or verdict.broken_at is not None
    sys.exit(1 if broken else 0)
