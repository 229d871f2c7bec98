"""A person as people see him: opened, masked, sealed again, with his addresses and names in step."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from app.core import phone
from app.core.text import MASK, masked_email, masked_name
from app.core.vault import OrganisationVault, Sealed
from app.domain.access.keyring import vault_of
from app.domain.contacts import names
from app.domain.contacts.models import Contact, ContactAddress


@dataclass(frozen=True)
class Person:
    """What a contact's ciphertext holds. `emails` and `phones` are in order of preference."""

    first_name: str | None = None
    last_name: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """First and last name, as far as they are known."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)

    def plain(self) -> dict[str, object]:
        """The shape that is sealed."""
        return {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "emails": list(self.emails),
            "phones": list(self.phones),
            "properties": self.properties,
        }


NOBODY = Person()


def person_of(session: Session, contact: "Kept") -> Person:
    """The contact's personal data in clear; nobody if he was erased."""
    return opened(vault_of(session), contact.id, contact.key, contact.person)


def opened(vault: OrganisationVault, contact_id: UUID, key: bytes, sealed: bytes) -> Person:
    """The person of a ciphertext; nobody if its key was destroyed."""
    try:
        known: dict[str, Any] = vault.open_person(contact_id, key, sealed)
    except (Sealed, ValueError):
        return NOBODY
    return Person(
        known.get("first_name"),
        known.get("last_name"),
        tuple(known.get("emails") or ()),
        tuple(known.get("phones") or ()),
        known.get("properties") or {},
    )


def masked(person: Person) -> Person:
    """The person as anybody may see him: first letters, the ends of numbers, no personal properties."""
    return Person(
        masked_name(person.first_name or "") or None,
        masked_name(person.last_name or "") or None,
        tuple(map(masked_email, person.emails)),
        tuple(map(phone.masked, person.phones)),
        dict.fromkeys(person.properties, 3 * MASK),
    )


class Kept(Protocol):
    """A contact, or a row of a list that holds one: enough to open the person."""

    @property
    def id(self) -> UUID: ...
    @property
    def key(self) -> bytes: ...
    @property
    def person(self) -> bytes: ...


def masked_all(session: Session, contacts: Iterable[Kept]) -> dict[UUID, Person]:
    """The masked people of a page."""
    vault = vault_of(session)
    return {one.id: masked(opened(vault, one.id, one.key, one.person)) for one in contacts}


def seal_into(session: Session, contact: Contact, person: Person) -> None:
    """Seal the person into the contact and bring his addresses and names in step. Flushes the contact first."""
    vault = vault_of(session)
    contact.key, contact.person = vault.seal_person(contact.id, person.plain(), contact.key)
    session.add(contact)
    session.flush()
    names.keep(session, contact, person.first_name, person.last_name)
    session.execute(delete(ContactAddress).where(ContactAddress.contact_id == contact.id))
    rows = [*_emails(vault, person), *_phones(vault, person)]
    if rows:
        shared = {"organisation_id": contact.organisation_id, "contact_id": contact.id}
        session.execute(insert(ContactAddress), [shared | row for row in rows])


def _emails(vault: OrganisationVault, person: Person) -> Iterable[dict[str, object]]:
    for position, email in enumerate(person.emails):
        blind = vault.blind("email", email)
        domain = email.rpartition("@")[2]
        yield {
            "kind": "email",
            "position": position,
            "blind": blind,
            "domain": domain,
            "country": None,
            "takes_sms": None,
        }


def _phones(vault: OrganisationVault, person: Person) -> Iterable[dict[str, object]]:
    for position, number in enumerate(person.phones):
        blind, country = vault.blind("phone", number), phone.country(number)
        shared = {"kind": "phone", "position": position, "blind": blind, "domain": None}
        yield {**shared, "country": country, "takes_sms": phone.takes_sms(number)}
