"""What the core bank says of a person that forbids to write to him, and which classes of messages each flag blocks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import mark
from app.core.sql import changed, load
from app.core.unit import actor_of
from app.domain.consent.models import RESTRICTION_FLAGS, ContactRestriction, RestrictionFeed

EVERYTHING, MARKETING = ("marketing", "service"), ("marketing",)
BLOCKS: Mapping[str, tuple[str, ...]] = {
    "deceased": EVERYTHING,
    "fraud": EVERYTHING,
    "guardianship": EVERYTHING,
    "minor": MARKETING,
    "collections": MARKETING,
    "open_complaint": MARKETING,
    "employee": MARKETING,
}
LABELS = {
    "deceased": mark("Deceased"),
    "fraud": mark("Fraud"),
    "guardianship": mark("Under guardianship"),
    "minor": mark("Minor"),
    "collections": mark("In collections"),
    "open_complaint": mark("Open complaint"),
    "employee": mark("Employee of the bank"),
}
assert set(BLOCKS) == set(LABELS) == set(RESTRICTION_FLAGS)
RESTRICTED, STALE = "restricted", "restriction_feed_stale"  # the reasons why somebody gets nothing
FRESH = timedelta(hours=24)  # so old may a feed be before it blocks marketing
_SQL = load("consent/queries.sql")


@dataclass(frozen=True)
class Restriction:
    """One flag of a customer; `since` where the bank says it."""

    external_id: str
    flag: str
    since: date | None


def blocking(message_class: str) -> list[str]:
    """The flags that block a class of messages."""
    return [flag for flag, classes in BLOCKS.items() if message_class in classes]


def of_contacts(session: Session, contacts: Sequence[UUID], *, by: Actor) -> dict[UUID, list[ContactRestriction]]:
    """The flags of people, by name."""
    require(by, "contacts:read")
    found: dict[UUID, list[ContactRestriction]] = {one: [] for one in contacts}
    query = select(ContactRestriction).where(ContactRestriction.contact_id.in_(contacts))
    for row in session.execute(query.order_by(ContactRestriction.flag)).scalars():
        found[row.contact_id].append(row)
    return found


def is_stale(feed: RestrictionFeed | None) -> bool:
    """True if marketing waits for a newer feed; who has never had one is not bound by any."""
    return bool(feed and feed.fed_at and feed.fed_at < clock.now() - FRESH)


def keep(session: Session, told: Sequence[Restriction], fed_at: datetime) -> int:
    """Keep a batch of a feed; how many customers are not known. What it says holds at once."""
    unknown = session.execute(
        _SQL["keep_restrictions"],
        {
            "organisation": actor_of(session).organisation_id,
            "customers": [one.external_id for one in told],
            "flags": [one.flag for one in told],
            "sinces": [one.since for one in told],
            "fed": fed_at,
        },
    )
    return len(unknown.all())


def compare(session: Session, fed_at: datetime) -> tuple[int, int]:
    """How many flags there are, and how many of them the feed of this moment would lift."""
    row = session.execute(
        _SQL["compare_restrictions"], {"organisation": actor_of(session).organisation_id, "fed": fed_at}
    ).one()
    return row.had, row.lifted


def lift(session: Session, fed_at: datetime) -> int:
    """End what the whole feed of this moment did not speak of; how many."""
    return changed(
        session, _SQL["lift_restrictions"], {"organisation": actor_of(session).organisation_id, "fed": fed_at}
    )
