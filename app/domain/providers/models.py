"""Accounts with providers."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Numeric, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7


class ProviderAccount(Owned, Base):
    """An account with a carrier or mail relay. `kind` names the adapter; `secret` is sealed.

    `sender` is what recipients see: an SMS sender id or a from address; `cost` is per SMS part or per e-mail.
    """

    __tablename__ = "provider_accounts"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "name"),
        CheckConstraint("channel IN ('sms', 'email')", name="channel"),
    )

    id: Mapped[Uuid7]
    name: Mapped[str]
    kind: Mapped[str]
    channel: Mapped[str]
    config: Mapped[dict[str, Any]]
    secret: Mapped[bytes]
    sender: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="100")
    cost: Mapped[Decimal] = mapped_column(Numeric(12, 5), server_default="0")
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[Moment]
    checked_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
