"""Contacts, their addresses, properties and groups."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Moment, Owned, Uuid7, owned_key

STATUSES = ("active", "unsubscribed", "bounced", "erased")
PROPERTY_TYPES = ("text", "number", "boolean", "date", "list")


class Contact(Owned, Base):
    """A person. Names, e-mails, phones and pii properties lie in `person`, one ciphertext under the contact's own key.

    What is clear here can be searched and segmented by; it names nobody. `content_hash` is a keyed hash of the file row an
    import last wrote here, so that the same row again is skipped unread; every other change empties it.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        UniqueConstraint("organisation_id", "external_id"),
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        Index("ix_contacts_tags", "tags", postgresql_using="gin"),
        # Nearly everybody is active and there: what is not is found by small indexes that cost an import nothing.
        Index("ix_contacts_inactive", "organisation_id", "status", postgresql_where=text("status <> 'active'")),
        Index("ix_contacts_zones", "organisation_id", "timezone", postgresql_where=text("timezone IS NOT NULL")),
        Index("ix_contacts_test", "organisation_id", postgresql_where=text("is_test")),
        Index("ix_contacts_deleted", "organisation_id", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )

    id: Mapped[Uuid7]
    external_id: Mapped[str | None] = mapped_column(Text(collation="C"))  # so that its index finds beginnings, too
    key: Mapped[bytes]
    person: Mapped[bytes]
    language: Mapped[str | None]
    gender: Mapped[str | None]
    timezone: Mapped[str | None]
    country: Mapped[str | None]
    city: Mapped[str | None]
    postal_code: Mapped[str | None]
    lifecycle_stage: Mapped[str | None]
    engagement_score: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(server_default="active")
    properties: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    tags: Mapped[list[str]] = mapped_column(server_default="{}")
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    content_hash: Mapped[bytes | None]
    created_at: Mapped[Moment]
    updated_at: Mapped[Moment]
    deleted_at: Mapped[datetime | None]
    is_test: Mapped[bool] = mapped_column(server_default=text("false"))  # tests of texts go to him


class ContactAddress(Owned, Base):
    """An e-mail or phone of a contact, as a blind index: enough to find it, to send once to it and to suppress it.

    `position` is its place in the person's list of that kind. Not unique over contacts: families share phones. `takes_sms` is
    told of phones only, and not yet (null) of those that were there before it was asked.
    """

    __tablename__ = "contact_addresses"
    __table_args__ = (
        owned_key("contact_id", "contacts", ondelete="CASCADE"),
        CheckConstraint("kind IN ('email', 'phone')", name="kind"),
        Index(None, "organisation_id", "kind", "blind"),
        Index(
            "ix_contact_addresses_unasked",
            "organisation_id",
            "contact_id",
            postgresql_where=text("kind = 'phone' AND takes_sms IS NULL"),
        ),
    )

    organisation_id: Mapped[UUID]
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    blind: Mapped[bytes]
    domain: Mapped[str | None]
    country: Mapped[str | None]
    takes_sms: Mapped[bool | None]


class ContactName(Owned, Base):
    """The names of a contact as tokens: enough to find him and to ask a segment for him. Written with every person that is sealed.

    `first_name` and `last_name` stand for the whole names, null where there is none; `beginnings` for what each and every
    further word begins with. Who has no row was not read yet.
    """

    __tablename__ = "contact_names"
    __table_args__ = (
        owned_key("contact_id", "contacts", ondelete="CASCADE"),
        Index(None, "beginnings", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 256}),
    )

    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    first_name: Mapped[int | None] = mapped_column(BigInteger)
    last_name: Mapped[int | None] = mapped_column(BigInteger)
    beginnings: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class UnreadNames(Owned, Base):
    """Contacts written by the set, whose names are to be read when it is due: the index of beginnings would hold up an import."""

    __tablename__ = "unread_names"

    id: Mapped[Uuid7]
    contact_ids: Mapped[list[UUID]]
    due_at: Mapped[Moment]


class PropertyDefinition(Owned, Base):
    """A custom property: its key, type and label. Pii properties are encrypted with the person."""

    __tablename__ = "property_definitions"
    __table_args__ = (CheckConstraint(f"type IN {PROPERTY_TYPES}", name="type"),)

    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    type: Mapped[str]
    is_pii: Mapped[bool] = mapped_column(server_default=text("false"))
    position: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created_at: Mapped[Moment]


class Group(Owned, Base):
    """A static group: people put together by hand or by an import."""

    __tablename__ = "groups"
    __table_args__ = (UniqueConstraint("organisation_id", "id"), UniqueConstraint("organisation_id", "name"))

    id: Mapped[Uuid7]
    name: Mapped[str]
    created_at: Mapped[Moment]


class GroupMember(Owned, Base):
    """A contact in a static group."""

    __tablename__ = "group_members"
    __table_args__ = (
        owned_key("group_id", "groups", ondelete="CASCADE"),
        owned_key("contact_id", "contacts", ondelete="CASCADE"),
        Index(None, "contact_id"),
    )

    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    contact_id: Mapped[UUID] = mapped_column(primary_key=True)
    added_at: Mapped[Moment]
