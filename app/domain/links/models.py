"""Who uses what."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Owned


class UsedBy(Owned, Base):
    """`by` uses `used`; written and removed by the user of the thing."""

    __tablename__ = "used_by"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    used_kind: Mapped[str] = mapped_column(primary_key=True)
    used_id: Mapped[UUID] = mapped_column(primary_key=True)
    by_kind: Mapped[str] = mapped_column(primary_key=True)
    by_id: Mapped[UUID] = mapped_column(primary_key=True)
    by_name: Mapped[str]
