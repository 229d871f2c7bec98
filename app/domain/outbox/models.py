"""Outbox rows: what happened, and who still has to be told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned


class OutboxEvent(Owned, Base):
    """Something that happened to `subject_id`, written in the transaction in which it happened."""

    __tablename__ = "outbox_events"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[Moment]


class OutboxDelivery(Owned, Base):
    """One consumer still to be told of one event. Claimed with SKIP LOCKED; removed when done."""

    __tablename__ = "outbox_deliveries"
    __table_args__ = (
        Index("ix_outbox_deliveries_due", "organisation_id", "due_at", postgresql_where=text("done_at IS NULL")),
    )

    event_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    consumer: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[Moment]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    done_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
