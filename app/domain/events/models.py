"""Events, the visitors who are not known yet, and who waits for which event."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7, owned_key

SOURCES = ("web", "api", "product")
CONSUMERS = ("flows", "segments")


class Event(Owned, Base):
    """Something a person did, by its name and properties. The month of `occurred_at` is its partition.

    It belongs to a contact, or to a visitor who may become one. `is_verified` is false where only a public key said it: such an
    event is told of the contact and may start what the bank allows it to, and is never proof of anything.
    """

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint(f"source IN {SOURCES}", name="source"),
        CheckConstraint("contact_id IS NOT NULL OR visitor_id IS NOT NULL", name="whose"),
        Index(
            "ix_events_contact", "contact_id", "name", "occurred_at", postgresql_where=text("contact_id IS NOT NULL")
        ),
        Index("ix_events_history", "contact_id", "occurred_at", postgresql_where=text("contact_id IS NOT NULL")),
        Index("ix_events_visitor", "visitor_id", postgresql_where=text("contact_id IS NULL")),
        Index("ix_events_name", "organisation_id", "name", "occurred_at", postgresql_include=["contact_id"]),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    occurred_at: Mapped[Moment] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID | None]
    visitor_id: Mapped[UUID | None]
    name: Mapped[str]
    properties: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    source: Mapped[str]
    is_verified: Mapped[bool] = mapped_column(Boolean)
    received_at: Mapped[Moment]


class EventKey(Owned, Base):
    """The idempotency key of an event, for as long as it may be said again; `digest` is of what was said with it."""

    __tablename__ = "event_keys"
    __table_args__ = (Index(None, "received_at"),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    digest: Mapped[bytes]
    received_at: Mapped[Moment]


class EventHour(Owned, Base):
    """How often events of a name were told in an hour that is over; of the last 30 days (retention.py)."""

    __tablename__ = "event_hours"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)


class Visitor(Owned, Base):
    """Somebody seen on a page under an anonymous id, kept as a keyed hash; the contact he turned out to be, if he did.

    `said` is what a page told of him, sealed: nobody has verified it, and it changes nothing.
    """

    __tablename__ = "visitors"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "blind"),
        owned_key("contact_id", "contacts", ondelete="CASCADE"),
        Index(None, "contact_id", postgresql_where=text("contact_id IS NOT NULL")),
    )

    id: Mapped[Uuid7]
    blind: Mapped[bytes]
    contact_id: Mapped[UUID | None]
    seen_at: Mapped[Moment]
    known_at: Mapped[datetime | None]
    said: Mapped[bytes | None]


class EventInterest(Owned, Base):
    """That a flow or a segment wants to hear of events of a name: nothing else is handed on."""

    __tablename__ = "event_interests"
    __table_args__ = (
        CheckConstraint(f"consumer IN {CONSUMERS}", name="consumer"),
        Index(None, "organisation_id", "name"),
    )

    consumer: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


class EventWake(Owned, Base):
    """An event of a contact that somebody waits for, written with it, taken away with what follows from it."""

    __tablename__ = "event_wakes"
    __table_args__ = (Index(None, "organisation_id", "consumer", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    consumer: Mapped[str]
    event_id: Mapped[UUID]
    occurred_at: Mapped[Moment]
    contact_id: Mapped[UUID]
    name: Mapped[str]
