"""What the core bank forbids: each flag blocks its classes of messages, before a message is made and again before it goes out."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import live
from app.domain.access.models import Organisation
from app.domain.consent import restrictions
from app.domain.consent.models import RESTRICTION_FLAGS, ContactRestriction, RestrictionFeed
from app.domain.consent.restrictions import BLOCKS, Restriction
from app.domain.contacts.models import Contact
from app.domain.messages import policy
from tests.factories import people

CLASSES = ["marketing", "service"]
EVERYTHING = {"deceased", "fraud", "guardianship"}


@pytest.fixture
def contacts(session: Session, organisation: Organisation) -> list[UUID]:
    assert organisation
    return people.contacts(session, 3)


def flag(session: Session, contact_id: UUID, name: str) -> None:
    number = session.execute(select(Contact.external_id).where(Contact.id == contact_id)).scalar_one()
    assert number
    restrictions.keep(session, [Restriction(number, name, date(2026, 1, 2))], clock.now())


def fed(session: Session, hours_ago: float | None) -> None:
    """Say when the last whole feed was."""
    at = None if hours_ago is None else clock.now() - timedelta(hours=hours_ago)
    owner = session.execute(select(Contact.organisation_id)).scalars().first()
    common: dict[str, Any] = {"state": "taken", "asked_at": clock.now(), "due_at": clock.now()}
    session.merge(RestrictionFeed(organisation_id=owner, fed_at=at, **common))
    session.flush()


def reasons(session: Session, message_class: str) -> dict[UUID, str | None]:
    judged = policy.verdicts(select(live(Contact).c.id), "sms", message_class)
    return {row.contact_id: row.reason for row in session.execute(judged)}


def test_every_flag_has_classes_and_words() -> None:
    assert set(BLOCKS) == set(restrictions.LABELS) == set(RESTRICTION_FLAGS)
    assert {name for name, classes in BLOCKS.items() if "service" in classes} == EVERYTHING
    assert all("marketing" in classes for classes in BLOCKS.values())


@pytest.mark.parametrize("name", RESTRICTION_FLAGS)
@pytest.mark.parametrize("message_class", CLASSES)
def test_a_flag_blocks_its_classes_and_nobody_else(
    session: Session, contacts: list[UUID], name: str, message_class: str
) -> None:
    flag(session, contacts[1], name)
    found = reasons(session, message_class)
    is_blocked = message_class == "marketing" or name in EVERYTHING
    assert found == {contacts[0]: None, contacts[1]: "restricted" if is_blocked else None, contacts[2]: None}


def test_who_has_several_flags_is_one_row(session: Session, contacts: list[UUID]) -> None:
    for name in RESTRICTION_FLAGS:
        flag(session, contacts[0], name)
    judged = policy.verdicts(select(live(Contact).c.id), "sms", "service")
    assert len(session.execute(judged).all()) == 3


def test_a_flag_is_named_before_a_missing_consent(session: Session, organisation: Organisation) -> None:
    contacts = people.contacts(session, 2, consent=False)
    flag(session, contacts[0], "minor")
    assert reasons(session, "marketing") == {contacts[0]: "restricted", contacts[1]: "no_consent"}


@pytest.mark.parametrize(
    ("hours_ago", "message_class", "reason"),
    [
        (23.9, "marketing", None), (24.1, "marketing", "restriction_feed_stale"), (24.1, "service", None), (None, "marketing", None),
    ],
    ids=["fresh", "stale", "service", "never whole"],
)  # fmt: skip
def test_a_feed_older_than_a_day_blocks_marketing(
    session: Session, contacts: list[UUID], hours_ago: float | None, message_class: str, reason: str | None
) -> None:
    fed(session, hours_ago)
    assert set(reasons(session, message_class).values()) == {reason}


def test_who_never_had_a_feed_is_bound_by_none(session: Session, contacts: list[UUID]) -> None:
    assert set(reasons(session, "marketing").values()) == {None}


def test_the_waterfall_counts_them(session: Session, contacts: list[UUID]) -> None:
    flag(session, contacts[0], "employee")
    audience = select(live(Contact).c.id)
    counted = policy.waterfall(session, audience, "sms", "marketing")
    assert counted == {"matched": 3, "restricted": 1, "will_receive": 2}


def test_a_customer_nobody_knows_is_counted(session: Session, contacts: list[UUID]) -> None:
    assert restrictions.keep(session, [Restriction(uuid4().hex, "minor", None)], clock.now()) == 1
    assert session.execute(select(ContactRestriction)).all() == []
