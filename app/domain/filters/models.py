"""What lists are narrowed to, kept by a name, and whose list opens how."""

from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7, owned_key


class SavedFilter(Owned, Base):
    """What somebody narrows a list to: his own, or shared with everybody who may see the list."""

    __tablename__ = "saved_filters"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        Index(None, "organisation_id", "of_list"),
        Index("uq_saved_filters_name", "organisation_id", "created_by", "of_list", text("lower(name)"), unique=True),
        owned_key("created_by", "users", ondelete="CASCADE"),
    )

    id: Mapped[Uuid7]
    of_list: Mapped[str]
    name: Mapped[str]
    narrows: Mapped[dict[str, Any]]
    is_shared: Mapped[bool]
    created_by: Mapped[UUID]
    created_at: Mapped[Moment]


class OpensWith(Owned, Base):
    """The filter a list opens with for somebody."""

    __tablename__ = "opens_with"
    __table_args__ = (
        owned_key("filter_id", "saved_filters", ondelete="CASCADE"),
        owned_key("user_id", "users", ondelete="CASCADE"),
        Index(None, "organisation_id", "filter_id"),
    )

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    of_list: Mapped[str] = mapped_column(primary_key=True)
    filter_id: Mapped[UUID]
