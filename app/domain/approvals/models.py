"""Requests for a second person's decision."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7, owned_key

STATES = ("pending", "approved", "rejected", "void", "expired")


class Approval(Owned, Base):
    """One request. `digest` is over everything that will happen; `summary` is what the approver is shown.

    `pinned` is what will be used of it: version ids, definitions, accounts.
    The database itself refuses a decision by the maker or by anyone who edited.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        owned_key("made_by", "users"),
        owned_key("decided_by", "users"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint(
            "state NOT IN ('approved', 'rejected') OR (decided_by IS NOT NULL AND decided_at IS NOT NULL)", name="decided"
        ),
        CheckConstraint(
            "state <> 'approved' OR (decided_by <> made_by AND NOT decided_by = ANY (editors))", name="four_eyes"
        ),
        Index(
            "uq_approvals_open", "organisation_id", "subject_kind", "subject_id",
            unique=True, postgresql_where=text("state = 'pending'"),
        ),
        Index(None, "organisation_id", "state", "id"),
    )  # fmt: skip

    id: Mapped[Uuid7]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    subject_name: Mapped[str]
    digest: Mapped[bytes]
    summary: Mapped[dict[str, Any]]
    pinned: Mapped[dict[str, Any] | None]
    needs: Mapped[str] = mapped_column(server_default="approvals:decide")  # the permission of whoever decides
    proposal: Mapped[bytes | None]  # sealed: what it takes to carry out a change (changes.py)
    state: Mapped[str]
    made_by: Mapped[UUID]
    editors: Mapped[list[UUID]]
    made_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    note: Mapped[str | None]
