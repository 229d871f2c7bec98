"""The audit trail's rows."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import APPEND_ONLY, Base, Moment, Owned


class AuditEntry(Owned, Base):
    """One act. `hash` is SHA-256 over the previous entry's hash and this entry; `seq` has no gaps."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        UniqueConstraint("organisation_id", "seq"),
        Index(None, "organisation_id", "subject_kind", "subject_id", "seq"),
        Index(None, "organisation_id", "actor_id", "at"),
        {"info": APPEND_ONLY},
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[Moment]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    ip: Mapped[str | None]
    correlation_id: Mapped[str | None]
    previous: Mapped[bytes]
    hash: Mapped[bytes]


class AuditHead(Owned, Base):
    """The last entry of an organisation's chain; removing entries from the end shows against it."""

    __tablename__ = "audit_heads"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]
