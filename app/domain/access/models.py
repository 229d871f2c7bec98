"""Organisations, users, sessions and keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7, owned_key

ROLE_NAMES = ("owner", "admin", "marketer", "bank_officer", "operator", "auditor", "viewer")


class Organisation(Base):
    """A tenant: a bank or a part of one. `key` is its data key, wrapped by the master key."""

    __tablename__ = "organisations"

    id: Mapped[Uuid7]
    name: Mapped[str]
    locale: Mapped[str] = mapped_column(server_default="en")
    timezone: Mapped[str] = mapped_column(server_default="Asia/Jerusalem")
    currency: Mapped[str] = mapped_column(server_default="ILS")
    region: Mapped[str] = mapped_column(server_default="IL")
    key: Mapped[bytes]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[Moment]


class User(Owned, Base):
    """A member of staff. The address is in lower case and unique within the organisation.

    `password_is_first`: somebody else gave it and may know it; until its user has chosen his own, he may do nothing.
    """

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "email"),
        Index(None, "email"),
        CheckConstraint(f"role IN {ROLE_NAMES}", name="role"),
        CheckConstraint("email = lower(email)", name="email_lower"),
    )

    id: Mapped[Uuid7]
    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    password_is_first: Mapped[bool] = mapped_column(server_default=text("false"))
    totp_secret: Mapped[bytes | None]
    totp_confirmed_at: Mapped[datetime | None]
    totp_last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")
    locale: Mapped[str | None]
    theme: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    told_to: Mapped[UUID | None]  # who was told the first password, and could have signed in with it
    told_at: Mapped[datetime | None]
    created_at: Mapped[Moment]


class LoginFailure(Owned, Base):
    """Failed logins of one account from one address range; the lock grows and ends by itself."""

    __tablename__ = "login_failures"
    __table_args__ = (owned_key("user_id", "users", ondelete="CASCADE"),)

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(SmallInteger)
    locked_until: Mapped[datetime | None]


class UserSession(Owned, Base):
    """A login. The cookie holds a random id; its SHA-256 is kept. `factor_at` is when a second factor was shown."""

    __tablename__ = "sessions"
    __table_args__ = (owned_key("user_id", "users", ondelete="CASCADE"), Index(None, "organisation_id", "user_id"))

    id_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    created_at: Mapped[Moment]
    seen_at: Mapped[Moment]
    ends_at: Mapped[Moment]
    factor_at: Mapped[datetime | None]
    ip: Mapped[str | None]
    agent: Mapped[str | None]
    revoked_at: Mapped[datetime | None]


class ApiKey(Owned, Base):
    """A key that acts as its user within its scopes. `prefix` finds it, the SHA-256 of the secret proves it.

    A public one stands in pages for everybody to read: it is `shown` again, serves the pages of its `origins`, and tells events.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        owned_key("user_id", "users", ondelete="CASCADE"),
        CheckConstraint("kind IN ('secret', 'public')", name="kind"),
    )

    id: Mapped[Uuid7]
    user_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(server_default="secret")
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_hash: Mapped[bytes]
    scopes: Mapped[list[str]]
    origins: Mapped[list[str]] = mapped_column(server_default="{}")
    shown: Mapped[str | None]
    created_at: Mapped[Moment]
    is_waiting: Mapped[bool] = mapped_column(server_default=text("false"))  # until a second person grants its scopes
    expires_at: Mapped[Moment]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class KeptForm(Owned, Base):
    """What somebody was writing when the session ended, for him alone and for a day; `sealed` is the form's fields."""

    __tablename__ = "kept_forms"
    __table_args__ = (owned_key("user_id", "users", ondelete="CASCADE"), Index(None, "organisation_id", "user_id"))

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    path: Mapped[str]
    page: Mapped[str]
    sealed: Mapped[bytes]
    at: Mapped[Moment]


class IdempotencyKey(Owned, Base):
    """The answer to a POST that carried an Idempotency-Key, kept 72 hours; `answer` is sealed."""

    __tablename__ = "idempotency_keys"

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    principal: Mapped[UUID] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    answer: Mapped[bytes | None]
    created_at: Mapped[Moment]
