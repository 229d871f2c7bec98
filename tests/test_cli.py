"""Commands: an organisation of one's own, and whoever may sign in to it first."""

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import login
from app.domain.access.models import User
from app.factory import create_app
from tests.factories.people import PASSWORD

WORDS = [
    "create-organisation", "--name", "First Bank", "--email", "Admin@Bank.example", "--admin", "Dana Levi",
    "--second-email", "second@bank.example", "--second-admin", "Noa Mizrahi",
]  # fmt: skip


@pytest.fixture
def app(own_settings: Settings) -> Flask:
    return create_app(own_settings)


@pytest.fixture
def runner(app: Flask) -> Iterator[FlaskCliRunner]:
    with app.app_context():
        yield app.test_cli_runner()


@pytest.fixture
def own_factory(own_settings: Settings) -> sessionmaker[Session]:
    return session_factory(make_engine(own_settings), own_settings)


def signed_in(factory: sessionmaker[Session], password: str) -> User | None:
    with unit_of_work(factory, None) as session:
        return login.try_password(session, "admin@bank.example", password, origin=login.Origin()).user


def test_the_first_administrator_gets_a_password_that_is_shown_once(
    runner: FlaskCliRunner, own_factory: sessionmaker[Session]
) -> None:
    assert runner.invoke(args=["organisations"]).output == "There is no organisation.\n"
    done = runner.invoke(args=WORDS)
    assert done.exit_code == 0, done.output
    found = re.search(
        r"with admin@bank\.example and this password, shown only now: (\S{23})$", done.output, re.MULTILINE
    )
    assert found, done.output
    user = signed_in(own_factory, found.group(1))
    assert user is not None
    assert (user.name, user.role, user.totp_confirmed_at) == ("Dana Levi", "owner", None)
    assert runner.invoke(args=["organisations"]).output == f"{user.organisation_id}: First Bank\n"


def test_a_terminal_is_asked_for_the_password(
    runner: FlaskCliRunner, own_factory: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli._asked_for", lambda _person: PASSWORD)
    monkeypatch.setattr("app.cli._is_terminal", lambda: True)
    done = runner.invoke(args=WORDS)
    assert "the password just typed" in done.output
    assert PASSWORD not in done.output
    assert signed_in(own_factory, PASSWORD) is not None


def test_what_is_refused_leaves_nothing_behind(runner: FlaskCliRunner, own_factory: sessionmaker[Session]) -> None:
    assert runner.invoke(args=WORDS).exit_code == 0
    before = runner.invoke(args=["organisations"]).output
    for words, sentence in (
        (WORDS, "This address is taken already."),
        ([*WORDS, "--email", "nobody"], "This is not an e-mail address."),
        ([*WORDS, "--email", "other@bank.example", "--name", " "], "need a name"),
    ):
        done = runner.invoke(args=words)
        assert done.exit_code == 1
        assert sentence in done.output
        assert "Nothing was made." in done.output
    assert runner.invoke(args=["organisations"]).output == before
    with unit_of_work(own_factory, system(UUID(before.partition(":")[0]))) as session:
        assert {user.role for user in session.execute(select(User)).scalars()} == {"owner"}
        assert len(session.execute(select(User)).all()) == 2


def test_the_doctor_says_what_is_wrong_and_how_grave_it_is(runner: FlaskCliRunner) -> None:
    done = runner.invoke(args=["doctor"])
    assert "ok   schema\n" in done.output
    assert done.exit_code == int("BAD" in done.output)
