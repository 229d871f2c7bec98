"""Report runs, their files, and counts that are kept for a minute."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import APPEND_ONLY, Base, Moment, Owned, Uuid7, owned_key

FILES = ("xlsx", "pdf", "zip", "py")


class ReportRun(Owned, Base):
    """One report made by a worker."""

    __tablename__ = "report_runs"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
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
    failure: Mapped[str | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]
    finished_at: Mapped[datetime | None]


class ReportFile(Owned, Base):
    """A file of a report as it was made. It lies in core/files under its SHA-256, which is its `checksum`; neither changes."""

    __tablename__ = "report_files"
    __table_args__ = (
        owned_key("run_id", "report_runs"),
        CheckConstraint(f"kind IN {FILES}", name="kind"),
        {"info": APPEND_ONLY},
    )

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    checksum: Mapped[str]
    made_at: Mapped[Moment]


class Subscriber(Owned, Base):
    """Somebody who gets the report of a programme's months, in his language, as these files.

    `is_asked`: a second person let him have it; otherwise he gets that of the months he has a hand in. Who left gets none.
    """

    __tablename__ = "report_subscribers"
    __table_args__ = (
        owned_key("programme_id", "programmes"),
        UniqueConstraint("organisation_id", "programme_id", "address"),
        {"info": {"rights": "SELECT, INSERT, UPDATE"}},
    )

    id: Mapped[Uuid7]
    programme_id: Mapped[UUID]
    address: Mapped[str]
    language: Mapped[str]
    formats: Mapped[list[str]] = mapped_column(ARRAY(Text))
    is_asked: Mapped[bool]
    created_at: Mapped[Moment]
    left_at: Mapped[datetime | None]


class KeptCount(Owned, Base):
    """What a count over everything found, for whoever asks next: `name` says which, `asked` of which days."""

    __tablename__ = "kept_counts"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[Moment]
    found: Mapped[list[Any]]
