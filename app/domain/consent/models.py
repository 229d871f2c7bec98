"""The consent ledger, its present state, and the suppression list."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, Identity, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import APPEND_ONLY, READ_ONLY, Base, Moment, Owned, Uuid7, owned_key

ADDRESS_KIND = {"sms": "phone", "email": "email"}  # what a channel writes to
CHANNELS = tuple(ADDRESS_KIND)
RESTRICTION_FLAGS = ("deceased", "fraud", "guardianship", "minor", "collections", "open_complaint", "employee")
FEED_STATES = ("queued", "running", "taken", "refused")
SUPPRESSION_REASONS = ("opt_out", "hard_bounce", "complaint", "manual", "legal")


class ConsentEntry(Owned, Base):
    """One act of one person: granted or withdrawn, for some channels, with its basis and proof. Append-only."""

    __tablename__ = "consent_entries"
    __table_args__ = (
        owned_key("contact_id", "contacts"),
        CheckConstraint("state IN ('granted', 'withdrawn')", name="state"),
        Index(None, "contact_id", "id"),
        {"info": APPEND_ONLY},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    contact_id: Mapped[UUID]
    channels: Mapped[list[str]]
    purpose: Mapped[str]
    state: Mapped[str]
    basis: Mapped[str]
    source: Mapped[str]
    wording: Mapped[str | None]
    ip: Mapped[str | None]
    at: Mapped[Moment]
    recorded_by: Mapped[UUID | None]


class ConsentState(Owned, Base):
    """The present state, derived from the ledger by a trigger and from nothing else; `entry_id` is its proof.

    It has no foreign key of its own: the ledger's holds for it, and checking it twice more took a sixth of an import.
    """

    __tablename__ = "consent_states"
    __table_args__ = ({"info": READ_ONLY},)

    organisation_id: Mapped[UUID]
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    at: Mapped[Moment]
    entry_id: Mapped[int] = mapped_column(BigInteger)


class Suppression(Owned, Base):
    """An address that is not written to on a channel. `address` is sealed; `blind` is what sending looks at.

    `opt_out` stops marketing, every other reason everything; `is_refused` remembers the opt-out under a stronger reason.
    """

    __tablename__ = "suppressions"
    __table_args__ = (
        CheckConstraint(f"reason IN {SUPPRESSION_REASONS}", name="reason"),
        Index(
            "uq_suppressions_standing", "organisation_id", "channel", "blind",
            unique=True, postgresql_where=text("lifted_at IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[Uuid7]
    channel: Mapped[str]
    blind: Mapped[bytes]
    address: Mapped[bytes]
    reason: Mapped[str]
    is_refused: Mapped[bool] = mapped_column(server_default=text("false"))
    source: Mapped[str]
    at: Mapped[Moment]
    added_by: Mapped[UUID | None]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[UUID | None]
    lift_reason: Mapped[str | None]


class ContactRestriction(Owned, Base):
    """What the core bank says of a person that forbids to write to him; `fed_at` is the feed that said it last."""

    __tablename__ = "contact_restrictions"
    __table_args__ = (
        owned_key("contact_id", "contacts", ondelete="CASCADE"),
        CheckConstraint(f"flag IN {RESTRICTION_FLAGS}", name="flag"),
        Index(None, "organisation_id", "flag"),
    )

    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    flag: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[date | None] = mapped_column(Date)
    fed_at: Mapped[Moment]


class RestrictionFeed(Owned, Base):
    """How far an organisation's feed of restrictions is, and when the last whole one was asked for (`fed_at`).

    `accepts_fewer`: a person said that it may lift most of what there was.
    """

    __tablename__ = "restriction_feeds"
    __table_args__ = (CheckConstraint(f"state IN {FEED_STATES}", name="state"),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    after: Mapped[str] = mapped_column(server_default="")
    records: Mapped[int] = mapped_column(Integer, server_default="0")
    unknown: Mapped[int] = mapped_column(Integer, server_default="0")
    accepts_fewer: Mapped[bool] = mapped_column(server_default=text("false"))
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[Moment]
    lease_until: Mapped[datetime | None]
    failure: Mapped[str | None]
    asked_by: Mapped[UUID | None]
    asked_at: Mapped[Moment]
    fed_at: Mapped[datetime | None]
