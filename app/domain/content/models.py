"""Templates and their versions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7, owned_key

CHANNELS = ("sms", "email")
CLASSES = ("service", "marketing")


class Template(Owned, Base):
    """A message that can be sent: one channel, one class, a history of versions; `current_id` is the newest."""

    __tablename__ = "templates"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        CheckConstraint(f"channel IN {CHANNELS}", name="channel"),
        CheckConstraint(f"message_class IN {CLASSES}", name="message_class"),
    )

    id: Mapped[Uuid7]
    name: Mapped[str]
    channel: Mapped[str]
    message_class: Mapped[str]
    category: Mapped[str | None]
    current_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(Integer, server_default="0")
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    archived_at: Mapped[datetime | None]


class TemplateVersion(Owned, Base):
    """What a template said at one time; never changed.

    `texts` is {language: {"subject", "preheader", "body"}}; an e-mail's body is MJML or HTML, an SMS's plain text, all Liquid.
    `compiled` is {language: {"html", "text", "links": [address, ...]}} for e-mail, made once per version.
    """

    __tablename__ = "template_versions"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("template_id", "number"),
        owned_key("template_id", "templates"),
    )

    id: Mapped[Uuid7]
    template_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(Integer)
    texts: Mapped[dict[str, Any]]
    compiled: Mapped[dict[str, Any]]
    fallback_language: Mapped[str]
    created_by: Mapped[UUID | None]
    created_at: Mapped[Moment]
