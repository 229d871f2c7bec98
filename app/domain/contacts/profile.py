"""One contact: create, change, delete, restore, see."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, NotFound, Stale, mark
from app.core.nouns import Happening
from app.core.text import clean
from app.core.unit import savepoint
from app.domain.access.keyring import vault_of
from app.domain.audit import trail
from app.domain.contacts import groups, identifiers, properties
from app.domain.contacts.models import Contact
from app.domain.contacts.person import NOBODY, Kept, Person, masked, masked_all, person_of, seal_into
from app.domain.outbox.publish import publish

__all__ = [
    "ContactInput", "ContactsChanged", "Person", "columns_of", "create", "delete", "get", "input_of", "masked", "masked_all",
    "one_for_update", "person_of", "restore", "reveal", "revealed_all", "update",
]  # fmt: skip

SUBJECT = "contact"


class ContactsChanged(Happening):
    """A contact, or those of an import, are not what they were; `subject` is the one or the import.

    `contacts` are who they are, if they are few; `fields` what changed of them, none if it may be anything.
    """

    kind = "contacts.changed"
    contacts: tuple[UUID, ...] = ()
    fields: tuple[str, ...] = ()


RESTORABLE = timedelta(days=30)
_COUNTRY = re.compile(r"[A-Z]{2}")
_PLAIN = ("external_id", "language", "gender", "timezone", "country", "city", "postal_code", "lifecycle_stage")
_TEXTS = (*_PLAIN, "email", "phone", "first_name", "last_name")


class ContactInput(BaseModel):
    """A contact as a person or a system writes it. `email` and `phone` are the first of possibly several."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @field_validator(*_TEXTS, mode="before")
    @classmethod
    def _seen(cls, said: object) -> object:
        """Unseen characters are taken off first: otherwise they would be a part of the customer number."""
        return clean(said) if isinstance(said, str) else said

    external_id: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=320)
    phone: str | None = Field(default=None, max_length=40)
    first_name: str | None = Field(default=None, max_length=100)
    last_name: str | None = Field(default=None, max_length=100)
    gender: Literal["female", "male"] | None = None
    language: str | None = Field(default=None, pattern="^[a-z]{2,3}(-[A-Za-z]{2,4})?$")
    timezone: str | None = Field(default=None, max_length=64)
    country: str | None = Field(default=None, max_length=2)
    city: str | None = Field(default=None, max_length=120)
    postal_code: str | None = Field(default=None, max_length=20)
    lifecycle_stage: str | None = Field(default=None, max_length=40)
    properties: dict[str, Any] = {}
    tags: tuple[str, ...] = Field(default=(), max_length=100)
    groups: tuple[str, ...] = Field(default=(), max_length=100)


def create(session: Session, new: ContactInput, *, by: Actor) -> Contact:
    """Add a contact. Raises Invalid (a field, or no way to know him), Conflict (external id in use), Forbidden."""
    require(by, "contacts:write")
    if not (new.external_id or new.email or new.phone):
        raise Invalid.field("external_id", mark("Give a customer number, an e-mail address or a phone number."))
    now = clock.now()
    contact = Contact(organisation_id=by.organisation_id, status="active", version=1, created_at=now, updated_at=now)
    contact.id = session.execute(select(func.uuidv7())).scalar_one()
    contact.key, contact.person = vault_of(session).seal_person(contact.id, NOBODY.plain())
    _write(session, contact, new, NOBODY)
    groups.put(session, contact, _words(new.groups))
    trail.record(session, by, "contact.created", (SUBJECT, contact.id), after={"fields": sorted(new.model_fields_set)})
    publish(session, ContactsChanged(subject=contact.id, contacts=(contact.id,)))
    return contact


def update(session: Session, contact_id: UUID, new: ContactInput, *, version: int | None = None, by: Actor) -> Contact:
    """Change a contact to exactly what is given.

    Raises:
        NotFound, Invalid, Conflict (external id in use), Stale (somebody else changed it since `version`), Forbidden.
    """
    require(by, "contacts:write")
    contact = one_for_update(session, contact_id)
    if version is not None and version != contact.version:
        raise Stale(mark("Somebody else changed this contact while you were editing. Reload it to see the changes."))
    before = input_of(session, contact)
    if new == before:
        return contact
    person = person_of(session, contact)
    contact.version += 1
    contact.updated_at = clock.now()
    contact.content_hash = None
    _write(session, contact, new, person)
    groups.put(session, contact, _words(new.groups))
    # Otherwise whoever writes texts could lead the tests to anybody, by changing the address.
    if (new.email, new.phone) != (before.email, before.phone):
        contact.is_test = False
    changed = [name for name in ContactInput.model_fields if getattr(new, name) != getattr(before, name)]
    trail.record(session, by, "contact.changed", (SUBJECT, contact.id), after={"fields": changed})
    publish(session, ContactsChanged(subject=contact.id, contacts=(contact.id,), fields=_fields(before, new, changed)))
    return contact


def delete(session: Session, contact_id: UUID, *, by: Actor) -> None:
    """Delete a contact; for 30 days it can be restored. Nothing is sent to it from now on. Raises NotFound, Forbidden."""
    require(by, "contacts:write")
    contact = one_for_update(session, contact_id)
    contact.deleted_at = contact.updated_at = clock.now()
    contact.is_test = False
    contact.content_hash = None
    contact.version += 1
    session.flush()
    trail.record(session, by, "contact.deleted", (SUBJECT, contact.id))
    publish(session, ContactsChanged(subject=contact.id, contacts=(contact.id,)))


def restore(session: Session, contact_id: UUID, *, by: Actor) -> Contact:
    """Bring a deleted contact back. Raises NotFound (never there, or more than 30 days ago), Forbidden."""
    require(by, "contacts:write")
    query = select(Contact).where(Contact.id == contact_id).with_for_update()
    contact = session.execute(query).scalar_one_or_none()
    if contact is None or contact.deleted_at is None or contact.deleted_at < clock.now() - RESTORABLE:
        raise NotFound(mark("There is no deleted contact that could be restored."))
    contact.deleted_at, contact.updated_at = None, clock.now()
    contact.version += 1
    session.flush()
    trail.record(session, by, "contact.restored", (SUBJECT, contact.id))
    publish(session, ContactsChanged(subject=contact.id, contacts=(contact.id,)))
    return contact


def get(session: Session, contact_id: UUID, *, by: Actor, deleted: bool = False) -> Contact:
    """One contact; a deleted one only when asked. Raises NotFound, Forbidden."""
    require(by, "contacts:read")
    contact = session.get(Contact, contact_id)
    if contact is None or (contact.deleted_at is not None and not deleted):
        raise NotFound(mark("There is no such contact."))
    return contact


def reveal(session: Session, contact_id: UUID, *, by: Actor) -> Person:
    """The contact's personal data in clear; every look is in the audit log. Raises NotFound, Forbidden."""
    require(by, "contacts:reveal")
    contact = get(session, contact_id, by=by, deleted=True)
    trail.record(session, by, "contact.revealed", (SUBJECT, contact.id))
    return person_of(session, contact)


def revealed_all(session: Session, contacts: Sequence[Kept], *, by: Actor) -> dict[UUID, Person]:
    """The people of a page in clear; the look is in the audit log once, with how many they were. Raises Forbidden."""
    require(by, "contacts:reveal")
    if contacts:
        trail.record(
            session, by, "contacts.revealed", ("organisation", by.organisation_id), after={"contacts": len(contacts)}
        )
    return {contact.id: person_of(session, contact) for contact in contacts}


def input_of(session: Session, contact: Contact) -> ContactInput:
    """The contact as its own input, in clear: what an edit begins with and a PATCH builds on."""
    person = person_of(session, contact)
    return ContactInput.model_construct(
        **{name: getattr(contact, name) for name in _PLAIN},
        email=person.emails[0] if person.emails else None,
        phone=person.phones[0] if person.phones else None,
        first_name=person.first_name,
        last_name=person.last_name,
        properties={**contact.properties, **person.properties},
        tags=tuple(contact.tags),
        groups=tuple(groups.of(session, [contact.id])[contact.id]),
    )


def one_for_update(session: Session, contact_id: UUID) -> Contact:
    """One contact as it is now, locked. Raises NotFound."""
    return rows.one_for_update(
        session, Contact, contact_id, mark("There is no such contact."), Contact.deleted_at.is_(None)
    )


def columns_of(new: ContactInput) -> dict[str, str | None]:
    """What of an input stands in columns of its own, checked. Raises Invalid."""
    plain = {name: getattr(new, name) or None for name in _PLAIN}
    return plain | {"country": _country(new.country), "timezone": _timezone(new.timezone)}


def _write(session: Session, contact: Contact, new: ContactInput, known: Person) -> None:
    """Check the input and put it into the contact and its person."""
    clear, personal = properties.sorted_out(session, new.properties)
    for name, value in columns_of(new).items():
        setattr(contact, name, value)
    contact.properties, contact.tags = clear, sorted(_words(new.tags))
    person = replace(
        known,
        first_name=clean(new.first_name or "") or None,
        last_name=clean(new.last_name or "") or None,
        emails=_first(known.emails, _address(session, "email", new.email)),
        phones=_first(known.phones, _address(session, "phone", new.phone)),
        properties=personal,
    )
    try:
        with savepoint(session):
            seal_into(session, contact, person)
    except IntegrityError as broke:
        if "external_id" not in str(broke.orig):
            raise
        raise Conflict(mark("Another contact has this customer number.")) from None


def _address(session: Session, kind: str, value: str | None) -> str | None:
    if not value:
        return None
    normal = identifiers.normal_address(session, kind, value)
    if normal is None and kind == "email":
        raise Invalid.field("email", mark("This is not a valid e-mail address."))
    if normal is None:
        raise Invalid.field("phone", mark("This is not a valid phone number."))
    return normal


def _first(known: tuple[str, ...], first: str | None) -> tuple[str, ...]:
    """The addresses with a new first one; the others stay."""
    others = tuple(value for value in known[1:] if value != first)
    return (first, *others) if first else others


def _country(value: str | None) -> str | None:
    country = value.upper() if value else None
    if country and not _COUNTRY.fullmatch(country):
        raise Invalid.field("country", mark("Use the two letters of the country, such as IL."))
    return country


def _timezone(value: str | None) -> str | None:
    if value and value not in available_timezones():
        raise Invalid.field("timezone", mark("There is no such time zone. Asia/Jerusalem is one."))
    return value or None


def _fields(before: ContactInput, new: ContactInput, changed: Iterable[str]) -> tuple[str, ...]:
    """What changed, each property by itself."""
    old, now = before.properties, new.properties
    properties = (f"properties.{key}" for key in sorted({*old, *now}) if old.get(key) != now.get(key))
    return (*(name for name in changed if name != "properties"), *properties)


def _words(values: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(word for value in values if (word := clean(value)[:60])))
