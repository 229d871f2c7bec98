"""The organisation's own calendar."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned


class Calendar(Owned, Base):
    """When marketing may go out, where it differs from the default (windows.py). One row an organisation, or none.

    `week` is {"0": ["09:00", "19:30"], ...}, Monday is 0, a day that is missing is closed; `days` is
    [{"day": "2026-12-31", "opens": "09:00", "closes": "13:00", "name": "..."}], without hours closed.
    """

    __tablename__ = "calendars"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    week: Mapped[dict[str, Any]]
    holidays: Mapped[str]  # the country whose holidays are kept, or empty
    days: Mapped[list[Any]]
    updated_at: Mapped[Moment]
    updated_by: Mapped[UUID | None]
