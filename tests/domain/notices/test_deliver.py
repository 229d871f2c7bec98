"""Mail to staff: one that cannot be delivered holds up nobody else's."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Self
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import system
from app.core.files import Files
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access.models import Organisation
from app.domain.notices import deliver, post
from app.domain.notices.models import Notice


class Relay:
    """A mail relay that takes everything, and breaks in its own way on one address."""

    def __init__(self, taken: list[str], where: tuple[str, int]) -> None:
        self.taken, self.where = taken, where

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def send_message(self, mail: EmailMessage) -> None:
        if mail["To"] == "broken@bank.example":
            raise ValueError("nobody thought of this")
        if mail["To"] == "deadly@bank.example":
            raise SystemExit
        self.taken.append(str(mail["To"]))


@pytest.fixture
def unit(factory: sessionmaker[Session], organisation: Organisation) -> deliver.OpenUnit:
    @contextmanager
    def opened() -> Iterator[Session]:
        with unit_of_work(factory, system(organisation.id)) as one:
            yield one

    return opened


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom the relay took mail for."""
    took: list[str] = []
    monkeypatch.setattr(smtplib, "SMTP", lambda host, port, **_: Relay(took, (host, port)))
    return took


def rows(session: Session) -> dict[str, Notice]:
    session.expire_all()
    return {row.address.partition("@")[0]: row for row in session.execute(select(Notice)).scalars()}


def test_a_notice_that_fails_lets_the_others_pass(
    session: Session, unit: deliver.OpenUnit, taken: list[str], settings: Settings, organisation: Organisation
) -> None:
    gone = post.Attachment("report.pdf", "0" * 64, "application/pdf")
    cut = post.Attachment("cut.pdf", Files(settings, organisation.id).write(b"a report"), "application/pdf")
    (settings.data / "files" / str(organisation.id) / cut.file).write_bytes(b"")
    for name, attachments in (("broken", ()), ("gone", (gone,)), ("cut", (cut,)), ("dana", ())):
        address = f"{name}@bank.example"
        post.post(session, address, "A report", "Here.", source=("report", uuid4()), attachments=attachments)
    session.commit()
    assert deliver.deliver_due(unit) == 1
    assert taken == ["dana@bank.example"]
    broken, left, dana = (rows(session)[name] for name in ("broken", "gone", "dana"))
    assert (broken.state, broken.attempts, broken.last_error) == ("queued", 1, "ValueError")
    assert broken.due_at > clock.now()
    assert left.last_error == "FileNotFoundError"
    assert rows(session)["cut"].last_error == "Damaged"
    assert dana.state == "sent"


def test_one_that_kills_its_worker_waits_behind_the_others(
    session: Session, unit: deliver.OpenUnit, taken: list[str]
) -> None:
    for name in ("deadly", "dana"):
        post.post(session, f"{name}@bank.example", "A report", "Here.", source=("report", uuid4()))
    session.commit()
    with pytest.raises(SystemExit):
        deliver.deliver_due(unit)
    assert deliver.deliver_due(unit) == 1
    assert taken == ["dana@bank.example"]
    assert (rows(session)["deadly"].state, rows(session)["deadly"].attempts) == ("queued", 1)
    for _ in range(deliver.TRIES - 1):
        with clock.at(rows(session)["deadly"].due_at), pytest.raises(SystemExit):
            deliver.deliver_due(unit)
    with clock.at(rows(session)["deadly"].due_at):
        assert deliver.deliver_due(unit) == 0, "it is not tried for ever"
    assert rows(session)["deadly"].state == "failed"
