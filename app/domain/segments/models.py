"""Segments, their versions, who is in them, and who came and went."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Identity, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import APPEND_ONLY, Base, Moment, Owned, Uuid7, owned_key


class Segment(Owned, Base):
    """A named definition; `size` is its last count and `counted_at` when that was.

    `reads` is what its conditions look at, those of the segments it names included (reads.py). Who is in it is kept beside it
    (members.py): first since `filled_at`, gone through as a whole at `refreshed_at`, which took `took_ms`; where `due_at` is
    set, that has to be done again.
    """

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
    reads: Mapped[list[str] | None]
    due_at: Mapped[datetime | None]
    due_reason: Mapped[str | None]
    filled_at: Mapped[datetime | None]
    refreshed_at: Mapped[datetime | None]
    took_ms: Mapped[int | None] = mapped_column(Integer)


class SegmentVersion(Owned, Base):
    """What a segment was from `made_at` on, its definition sealed as the segment's own. Nobody changes it."""

    __tablename__ = "segment_versions"
    __table_args__ = (owned_key("segment_id", "segments"), {"info": APPEND_ONLY})

    segment_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str]
    description: Mapped[str | None]
    definition: Mapped[dict[str, Any]]
    restored_from: Mapped[int | None] = mapped_column(Integer)
    made_by: Mapped[UUID | None]
    made_at: Mapped[Moment]


class SegmentMember(Owned, Base):
    """A contact who is in a segment. No foreign key: whoever is gone leaves it by the next difference, which is noted."""

    __tablename__ = "segment_members"
    __table_args__ = (Index(None, "contact_id"),)

    segment_id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    entered_at: Mapped[Moment]


class SegmentMove(Owned, Base):
    """A contact came into a segment or went out of it: nobody changes it. The month of `at` is its partition.

    All moves of a segment, one after the other, give its members. `change_id` is one for everybody who moved at once; `version`
    is the definition that was asked.
    """

    __tablename__ = "segment_moves"
    __table_args__ = (
        Index("ix_segment_moves_segment", "segment_id", "at", "id", postgresql_include=["entered", "reason"]),
        Index(None, "change_id", "segment_id"),
        {"postgresql_partition_by": "RANGE (at)", "info": APPEND_ONLY},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[Moment] = mapped_column(primary_key=True)
    segment_id: Mapped[UUID]
    contact_id: Mapped[UUID]
    entered: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str]
    version: Mapped[int] = mapped_column(Integer)
    change_id: Mapped[UUID]


class SegmentWake(Owned, Base):
    """A contact who is not what he was, and what of him that can be seen by (`reads`; none is anything)."""

    __tablename__ = "segment_wakes"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    contact_id: Mapped[UUID]
    reads: Mapped[list[str] | None]
    reason: Mapped[str]
