"""A reply names no message: it counts for the last one that went to its number before it came."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.access.keyring import vault_of
from app.domain.access.models import Organisation
from app.domain.messages.models import Message, Reply
from app.domain.providers.models import ProviderAccount
from tests.domain.segments.test_compiler import found
from tests.factories import people, sending

REPLIED: dict[str, Any] = {"kind": "message", "did": "replied"}
TWICE = {"times": {"op": "gte", "value": 2}}
RECENTLY = {"within": {"last": 2, "unit": "hours"}}


@pytest.fixture
def persons(session: Session, organisation: Organisation) -> list[UUID]:
    return people.contacts(session, 4)


def ago(hours: float) -> datetime:
    return clock.now() - timedelta(hours=hours)


def sent(session: Session, whose: UUID, phone: str, *at: float) -> None:
    """Messages that many hours ago."""
    rows = []
    for hours in at:
        occurrence = session.execute(text("SELECT uuidv7()")).scalar_one()
        rows.append(
            {
                "occurrence_id": occurrence, "send_id": occurrence, "contact_id": whose, "channel": "sms", "state": "sent",
                "rank": 50, "priority": 50, "due_at": ago(hours), "created_at": ago(hours), "sent_at": ago(hours),
                "organisation_id": vault_of(session).organisation_id, "address_blind": vault_of(session).blind("phone", phone),
            }
        )  # fmt: skip
    session.execute(insert(Message), rows)


def replied(session: Session, whose: UUID | None, phone: str, *at: float) -> None:
    account = session.execute(select(ProviderAccount)).scalars().first() or sending.account(session)
    rows = [
        {
            "organisation_id": account.organisation_id, "provider_account_id": account.id, "event_key": f"{phone} {hours}",
            "channel": "sms", "contact_id": whose, "blind": vault_of(session).blind("phone", phone), "sealed": b"",
            "meaning": "other", "written_at": ago(hours), "received_at": ago(hours),
        }
        for hours in at
    ]  # fmt: skip
    session.execute(insert(Reply), rows)


def test_one_reply_answers_one_message(session: Session, persons: list[UUID]) -> None:
    first, second, third, _ = persons
    sent(session, first, "+972522000000", 9, 7, 5)
    replied(session, first, "+972522000000", 6)
    sent(session, second, "+972522000001", 9, 7, 5)
    replied(session, second, "+972522000001", 8, 7.5, 1)
    sent(session, third, "+972522000002", 4)
    replied(session, third, "+972522000002", 5)  # before anything was sent
    assert found(session, {"where": REPLIED}) == {first, second}
    assert found(session, {"where": REPLIED | TWICE}) == {second}
    assert found(session, {"where": REPLIED | RECENTLY}) == {second}
    assert found(session, {"where": {"not": REPLIED}}) == set(persons[2:])
    assert found(session, {"where": REPLIED | {"channel": "email"}}) == set()


def test_of_two_with_one_number_both_answered(session: Session, persons: list[UUID]) -> None:
    for one in persons[:2]:
        sent(session, one, "+972522000000", 5)
    replied(session, persons[0], "+972522000000", 3)
    assert found(session, {"where": REPLIED}) == set(persons[:2])
