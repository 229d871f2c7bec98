"""A message by SMS that fails: what tests of retries begin with."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.access.models import Organisation
from app.domain.messages import receipts, reference
from app.domain.messages.models import Message
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Category
from app.gateways.channels.base import Receipt as Event
from app.gateways.channels.base import ReceiptKind as Kind
from tests.domain.messages.line import Line, Run
from tests.factories import people, sending

NOON = datetime(2026, 11, 17, 10, tzinfo=UTC)  # a Tuesday, noon in Jerusalem
AGAIN = [Category.TIMEOUT, Category.QUOTA_EXCEEDED, Category.PROVIDER_ERROR]
NEVER = [Category.INVALID_NUMBER, Category.OPTED_OUT, Category.FILTERED, Category.UNDELIVERABLE]


@pytest.fixture
def account(session: Session, organisation: Organisation) -> ProviderAccount:
    assert organisation
    return sending.account(session)


@contextmanager
def hours_later(number: float) -> Iterator[None]:
    with clock.at(NOON + timedelta(hours=number)):
        yield


@pytest.fixture
def message(session: Session, run: Run, account: ProviderAccount) -> Message:
    """One SMS that a provider took at noon."""
    return sent(session, run)


def sent(session: Session, run: Run, line: Line | None = None) -> Message:
    people.contacts(session, 1)
    with hours_later(0):
        sending.send_to_everybody(session, sending.sms_template(session), uuid4())
        run(line or Line())
    return session.execute(select(Message)).scalar_one()


def told(session: Session, message: Message, *words: tuple[Kind, Category | None], retry: int = 0) -> None:
    """The provider tells these, one after the other, about one of the tries."""
    session.refresh(message)
    for kind, category in words:
        named = reference.of(message.occurrence_id, message.id, retry)
        event = Event(uuid4().hex, named, "theirs", kind, clock.now(), category)
        receipts.keep(session, message.provider_account_id or uuid4(), message.organisation_id, [event])
        receipts.apply_some(session)
    session.refresh(message)


def failed(category: Category | None = Category.TIMEOUT, kind: Kind = Kind.FAILED) -> tuple[Kind, Category | None]:
    return kind, category


DELIVERED = (Kind.DELIVERED, None)
