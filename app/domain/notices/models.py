"""Mail to staff and managers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7


class Notice(Owned, Base):
    """One mail to one address. `attachments` is a list of {name, file, type}; the files lie in core/files.

    `leave_url` takes whoever gets it off with one click, where that can be.
    """

    __tablename__ = "notices"
    __table_args__ = (Index("ix_notices_due", "organisation_id", "due_at", postgresql_where=text("state = 'queued'")),)

    id: Mapped[Uuid7]
    address: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    attachments: Mapped[list[Any]]
    leave_url: Mapped[str | None]
    source_kind: Mapped[str]
    source_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    due_at: Mapped[Moment]
    created_at: Mapped[Moment]
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
