"""People as a list of messages may show them: masked, whoever looks."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.vault import OrganisationVault
from app.domain.access.keyring import vault_of
from app.domain.consent.models import ADDRESS_KIND
from app.domain.contacts import person
from app.domain.contacts.models import Contact
from app.domain.contacts.person import Person, person_of
from app.domain.messages.models import Message
from app.domain.messages.rendering import ADDRESSES


@dataclass(frozen=True)
class MaskedRecipient:
    """A person, masked: name, the address he is written to by channel, and every address by its blind index."""

    name: str
    external_id: str | None
    written_to: dict[str, str]
    addresses: dict[bytes, str]

    def address(self, message: Message) -> str:
        """The masked address a message goes to or went to; empty if the person does not have it any more."""
        return self.addresses.get(message.address_blind or b"", "")


NOBODY = MaskedRecipient("", None, {}, {})


def of(session: Session, contact_ids: Iterable[UUID]) -> dict[UUID, MaskedRecipient]:
    """The masked people of a page; one that was erased has no name."""
    found = session.execute(select(Contact).where(Contact.id.in_(set(contact_ids)))).scalars()
    vault = vault_of(session)
    return {contact.id: _masked(vault, person_of(session, contact), contact.external_id) for contact in found}


def _masked(vault: OrganisationVault, known: Person, external_id: str | None) -> MaskedRecipient:
    if known is person.NOBODY:
        return NOBODY
    shown = person.masked(known)
    written_to: dict[str, str] = {}
    addresses: dict[bytes, str] = {}
    for channel, key in ADDRESSES.items():
        both = list(zip(getattr(known, key), getattr(shown, key), strict=True))
        addresses |= {vault.blind(ADDRESS_KIND[channel], clear): hidden for clear, hidden in both}
        takes = [hidden for clear, hidden in both if channel != "sms" or phone.takes_sms(clear)]
        if both:
            written_to[channel] = (takes or [both[0][1]])[0]  # as policy.verdicts says
    return MaskedRecipient(shown.name, external_id, written_to, addresses)
