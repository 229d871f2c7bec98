"""People as a list of messages may show them: masked, whoever looks."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.text import masked_email, masked_name
from app.core.vault import OrganisationVault, Sealed
from app.domain.access.keyring import vault_of
from app.domain.contacts.models import Contact
from app.domain.messages.rendering import ADDRESSES


@dataclass(frozen=True)
class Face:
    """A person, masked: name, and addresses by channel."""

    name: str
    external_id: str | None
    addresses: dict[str, list[str]]

    def address(self, channel: str, position: int | None) -> str:
        """The masked address a message went to; empty if there is none (any more)."""
        known = self.addresses.get(channel, [])
        place = position or 0
        return known[place] if place < len(known) else ""


NOBODY = Face("", None, {})


def faces(session: Session, contact_ids: Iterable[UUID]) -> dict[UUID, Face]:
    """The masked people of a page; one that was erased has no name."""
    vault = vault_of(session)
    found = session.execute(select(Contact).where(Contact.id.in_(set(contact_ids)))).scalars()
    return {contact.id: _face(vault, contact) for contact in found}


def _face(vault: OrganisationVault, contact: Contact) -> Face:
    try:
        person = vault.open_person(contact.id, contact.key, contact.person)
    except Sealed:
        return NOBODY
    name = " ".join(masked_name(str(part)) for part in (person.get("first_name"), person.get("last_name")) if part)
    return Face(
        name, contact.external_id, {channel: _masked(person.get(key), channel) for channel, key in ADDRESSES.items()}
    )


def _masked(known: object, channel: str) -> list[str]:
    mask = masked_email if channel == "email" else phone.masked
    return [mask(str(address)) for address in known] if isinstance(known, list) else []
