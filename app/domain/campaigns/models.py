"""Campaigns."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Integer, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7, owned_key
from app.domain.campaigns.states import STATES

PRIORITIES = {"urgent": 10, "normal": 50, "bulk": 90}


class Campaign(Owned, Base):
    """One mailing: an audience, a text for each channel, a moment. Its life is a table in states.py.

    `audience` is {"segments": [id], "groups": [id], "exclude": [id]}; with neither segments nor groups it is everybody.
    `plan` is what was computed at submission: the waterfall of each channel, parts and cost.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint(f"priority IN {tuple(PRIORITIES)}", name="priority"),
        owned_key("sms_template_id", "templates"),
        owned_key("email_template_id", "templates"),
        owned_key("approval_id", "approvals"),
        Index(None, "organisation_id", "state", "id"),
    )

    id: Mapped[Uuid7]
    name: Mapped[str]
    description: Mapped[str | None]
    priority: Mapped[str] = mapped_column(server_default="normal")
    audience: Mapped[dict[str, Any]]
    sms_template_id: Mapped[UUID | None]
    email_template_id: Mapped[UUID | None]
    scheduled_at: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(server_default="draft")
    approval_id: Mapped[UUID | None]
    occurrence_id: Mapped[UUID | None]
    plan: Mapped[dict[str, Any] | None]
    estimated_cost: Mapped[Decimal | None] = mapped_column(Numeric(14, 5))
    editors: Mapped[list[UUID]] = mapped_column(server_default="{}")
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_by: Mapped[UUID]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    launched_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    failure: Mapped[str | None]
    # {"to_send", "done"} at its end, for lists: counting a million messages takes a while
    outcome: Mapped[dict[str, Any] | None]
