"""Stickers on contacts."""

from uuid import UUID

from sqlalchemy.orm import Mapped

from app.core.db import Base, Moment, Owned, Uuid7


class Sticker(Owned, Base):
    """A word that somebody stuck on a contact."""

    __tablename__ = "stickers"

    id: Mapped[Uuid7]
    contact_id: Mapped[UUID]
    word: Mapped[str]
    is_old: Mapped[bool]
    stuck_at: Mapped[Moment]
