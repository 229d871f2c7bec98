"""Report runs."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7


class ReportRun(Owned, Base):
    """One report made by a worker; its files lie in core/files under their checksum."""

    __tablename__ = "report_runs"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'completed', 'failed')", name="state"),
        Index("ix_report_runs_open", "organisation_id", "id", postgresql_where=text("state = 'queued'")),
        Index(None, "organisation_id", "subject_id"),
    )

    id: Mapped[Uuid7]
    name: Mapped[str]
    subject_id: Mapped[UUID | None]
    subject_name: Mapped[str | None]
    locale: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    recipients: Mapped[list[str]]
    state: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    xlsx: Mapped[str | None]
    pdf: Mapped[str | None]
    failure: Mapped[str | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]
    finished_at: Mapped[datetime | None]
