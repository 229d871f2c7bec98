"""Sends, messages, attempts, receipts and what people did with messages."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7, owned_key
from app.domain.messages.states import RANKS

SEND_STATES = ("running", "paused", "stopped", "drained")
TEST = "test"  # the kind of source of a test of a text


class Send(Owned, Base):
    """What governs messages: class, source, approval digest, state and window. Claiming looks only here.

    Its messages are made in occurrences (a launch, a run, a month, a request), one or many over its life, none of them older
    than `first_occurrence`.
    """

    __tablename__ = "sends"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        CheckConstraint(f"state IN {SEND_STATES}", name="state"),
        owned_key("template_version_id", "template_versions"),
        Index("ix_sends_open", "organisation_id", "channel", postgresql_where=text("state IN ('running', 'paused')")),
        Index(None, "organisation_id", "source_kind", "source_id"),
        Index("ix_sends_tells", "organisation_id", postgresql_where=text("tells IS NOT NULL")),
    )

    id: Mapped[Uuid7]
    first_occurrence: Mapped[UUID]
    source_kind: Mapped[str]
    source_id: Mapped[UUID]
    source_name: Mapped[str]
    channel: Mapped[str]
    message_class: Mapped[str]
    template_version_id: Mapped[UUID]
    digest: Mapped[bytes | None]
    state: Mapped[str] = mapped_column(server_default="running")
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="50")
    not_before: Mapped[Moment]
    not_after: Mapped[Moment]
    created_at: Mapped[Moment]
    drained_at: Mapped[datetime | None]
    senders: Mapped[list[str] | None]  # who may be named as the sender; null is anybody
    routes: Mapped[list[str] | None]  # fingerprints of the accounts that may carry it; null is any
    most_attempts: Mapped[int] = mapped_column(
        SmallInteger, server_default="3"
    )  # in all, of what fails for a while (retries.py)
    retry_hours: Mapped[int] = mapped_column(SmallInteger, server_default="6")  # between them
    retry_until: Mapped[datetime | None]  # until then what failed may go out once more, also after `not_after`
    tells: Mapped[list[str] | None]  # what somebody waits to hear of its messages (told.py)


class Message(Owned, Base):
    """One message to one contact on one channel, or the reason why there is none. A state only goes up (states.py).

    The month inside the uuidv7 of its occurrence, of what made it, is its partition. `payload` is what the source gave to its text.
    `address_position` points into the person's list of addresses; the address itself is not kept here, only its blind index.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("contact_id", "occurrence_id", "channel", "step"),  # begins with what a person's page asks for
        CheckConstraint(f"state IN {tuple(RANKS)}", name="state"),
        Index("ix_messages_due", "send_id", "due_at", postgresql_where=text("state = 'queued'")),
        # Not on lease_until: a claim changes nothing that is in an index, so its new row versions stay on their page.
        Index("ix_messages_sending", "organisation_id", postgresql_where=text("state = 'sending'")),
        Index("ix_messages_doubt", "organisation_id", "doubt_at", postgresql_where=text("state = 'in_doubt'")),
        Index("ix_messages_send", "send_id", "state", "reason"),
        Index(
            "ix_messages_no_receipt",
            "provider_account_id",
            "sent_at",
            postgresql_where=text("state = 'sent' AND channel = 'sms'"),
        ),
        Index(
            "ix_messages_reference",
            "provider_account_id",
            "provider_reference",
            postgresql_where=text("provider_reference IS NOT NULL"),
        ),
        {"postgresql_partition_by": "RANGE (occurrence_id)"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    occurrence_id: Mapped[UUID] = mapped_column(primary_key=True)
    send_id: Mapped[UUID]
    contact_id: Mapped[UUID]
    channel: Mapped[str]
    step: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    address_position: Mapped[int | None] = mapped_column(SmallInteger)
    address_blind: Mapped[bytes | None]
    state: Mapped[str]
    rank: Mapped[int] = mapped_column(SmallInteger)
    reason: Mapped[str | None]
    priority: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[Moment]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    doubt_at: Mapped[datetime | None]
    consent_entry_id: Mapped[int | None] = mapped_column(BigInteger)
    provider_account_id: Mapped[UUID | None]
    provider_reference: Mapped[str | None]
    parts: Mapped[int | None] = mapped_column(SmallInteger)
    cost: Mapped[Decimal | None] = mapped_column(Numeric(12, 5))
    created_at: Mapped[Moment]
    sent_at: Mapped[datetime | None]
    final_at: Mapped[datetime | None]
    language: Mapped[str | None]  # of the text that was sent
    opened_at: Mapped[datetime | None]
    clicked_at: Mapped[datetime | None]
    payload: Mapped[bytes | None]
    retries: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # how often it was put back after a failure
    duplicate_delivered: Mapped[bool] = mapped_column(
        server_default=text("false")
    )  # a retry went out, and it had arrived


class FailureSeen(Owned, Base):
    """Up to when somebody has seen to what failed for good of a send, by category."""

    __tablename__ = "failures_seen"
    __table_args__ = (owned_key("send_id", "sends"),)

    send_id: Mapped[UUID] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(primary_key=True)
    seen_until: Mapped[Moment]
    seen_by: Mapped[UUID | None]


class Attempt(Owned, Base):
    """One try to hand a message to a provider: committed before the first byte is written, evidence afterwards."""

    __tablename__ = "attempts"
    __table_args__ = ({"postgresql_partition_by": "RANGE (occurrence_id)"},)

    occurrence_id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    provider_account_id: Mapped[UUID]
    started_at: Mapped[Moment]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    category: Mapped[str | None]
    error: Mapped[str | None]
    provider_reference: Mapped[str | None]
    sealed: Mapped[bytes | None]  # what it said, see kept.py
    retry: Mapped[int] = mapped_column(SmallInteger, server_default="0")


class Receipt(Owned, Base):
    """The inbox of receipts: kept first, acknowledged, applied later, once, in any order."""

    __tablename__ = "receipts"
    __table_args__ = (
        owned_key("provider_account_id", "provider_accounts"),
        Index("ix_receipts_due", "organisation_id", "due_at", postgresql_where=text("applied_at IS NULL")),
        Index(None, "organisation_id", "message_id"),
    )

    provider_account_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_key: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    category: Mapped[str | None]
    code: Mapped[str | None]
    occurrence_id: Mapped[UUID | None]
    message_id: Mapped[UUID | None]
    provider_reference: Mapped[str | None]
    occurred_at: Mapped[datetime | None]
    received_at: Mapped[Moment]
    due_at: Mapped[Moment]
    applied_at: Mapped[datetime | None]
    result: Mapped[str | None]
    retry: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # of which try of the message it tells


class Poll(Owned, Base):
    """Up to which moment an account has been asked about its messages without a receipt (polling.py)."""

    __tablename__ = "polls"
    __table_args__ = (
        owned_key("provider_account_id", "provider_accounts"),
        Index(None, "organisation_id", "due_at"),
    )

    provider_account_id: Mapped[UUID] = mapped_column(primary_key=True)
    asked_until: Mapped[Moment]
    due_at: Mapped[Moment]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    failure: Mapped[str | None]


class Reply(Owned, Base):
    """What somebody answered: `meaning` is stop (obeyed) or other (a person reads it).

    `sealed` is the number and the words, under the key of the longest known contact with this number, or the organisation's.
    """

    __tablename__ = "replies"
    __table_args__ = (
        UniqueConstraint("provider_account_id", "event_key"),
        CheckConstraint("meaning IN ('stop', 'other')", name="meaning"),
        owned_key("provider_account_id", "provider_accounts"),
        Index("ix_replies_open", "organisation_id", "id", postgresql_where=text("handled_at IS NULL")),
        Index(None, "organisation_id", "blind"),
    )

    id: Mapped[Uuid7]
    provider_account_id: Mapped[UUID]
    event_key: Mapped[str]
    channel: Mapped[str]
    contact_id: Mapped[UUID | None]
    blind: Mapped[bytes]
    sealed: Mapped[bytes]
    meaning: Mapped[str]
    written_at: Mapped[Moment]
    received_at: Mapped[Moment]
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[UUID | None]


class ShortLink(Owned, Base):
    """A short code in an SMS and the message it stands in."""

    __tablename__ = "short_links"

    code: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    occurrence_id: Mapped[UUID]
    message_id: Mapped[UUID]


class EngagementEvent(Owned, Base):
    """An open, a click or an unsubscribe, kept raw with what is needed to score it again (human, bot, mail privacy)."""

    __tablename__ = "engagement_events"
    __table_args__ = (
        Index(None, "organisation_id", "message_id"),
        {"postgresql_partition_by": "RANGE (occurrence_id)"},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    occurrence_id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID]
    kind: Mapped[str]
    link: Mapped[int | None] = mapped_column(Integer)
    at: Mapped[Moment]
    agent: Mapped[str | None]
    who: Mapped[str]
    detail: Mapped[dict[str, Any] | None]


class MessageInterest(Owned, Base):
    """That somebody wants to hear of something that happens to the messages of a source; no source is of any."""

    __tablename__ = "message_interests"
    __table_args__ = (Index(None, "organisation_id", "source_id"),)

    id: Mapped[Uuid7]
    subject_id: Mapped[UUID]
    source_id: Mapped[UUID | None]
    did: Mapped[str]


class MessageWake(Owned, Base):
    """Something that happened to a message and that somebody waits for; a reply is to no message. Taken away with what follows."""

    __tablename__ = "message_wakes"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    contact_id: Mapped[UUID]
    occurrence_id: Mapped[UUID | None]
    source_id: Mapped[UUID | None]
    reply_id: Mapped[UUID | None]
    did: Mapped[str]
    at: Mapped[Moment]
