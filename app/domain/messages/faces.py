"""People as a list of messages may show them: masked, whoever looks."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.contacts import person
from app.domain.contacts.models import Contact
from app.domain.contacts.person import Person, person_of
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
    found = session.execute(select(Contact).where(Contact.id.in_(set(contact_ids)))).scalars()
    return {contact.id: _face(person_of(session, contact), contact.external_id) for contact in found}


def _face(known: Person, external_id: str | None) -> Face:
    if known is person.NOBODY:
        return NOBODY
    shown = person.masked(known)
    return Face(shown.name, external_id, {channel: list(getattr(shown, key)) for channel, key in ADDRESSES.items()})
