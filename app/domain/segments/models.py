"""Segments."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7


class Segment(Owned, Base):
    """A named definition; `size` is its last count and `counted_at` when that was."""

    __tablename__ = "segments"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        Index(
            "uq_segments_name",
            "organisation_id",
            text("lower(name)"),
            unique=True,
            postgresql_where=text("archived_at IS NULL"),
        ),
    )

    id: Mapped[Uuid7]
    name: Mapped[str]
    description: Mapped[str | None]
    definition: Mapped[dict[str, Any]]
    size: Mapped[int | None] = mapped_column(Integer)
    counted_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_by: Mapped[UUID | None]
    updated_by: Mapped[UUID | None]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    archived_at: Mapped[datetime | None]
