"""Names as tokens: what a search and a segment may ask of names that lie encrypted.

Every beginning of a name has its token, up to LONGEST letters, so that the database alone finds and decides: nobody has to be
opened for it. A whole name is a token of its own, which no index holds: its beginning leads there.
"""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import live
from app.core.text import folded
from app.core.vault import OrganisationVault
from app.domain.access.keyring import vault_of
from app.domain.contacts.models import Contact, ContactName

FIELDS = ("first_name", "last_name")
LONGEST = 20  # letters of a beginning
_FURTHER = "word"  # of a name of several words, those behind the first


class Tokens(NamedTuple):
    """The names of one person, as they are kept."""

    first_name: int | None
    last_name: int | None
    beginnings: list[int]


def tokens(vault: OrganisationVault, first_name: str | None, last_name: str | None) -> Tokens:
    """The tokens of a person's names."""
    said = dict(zip(FIELDS, (folded(first_name or ""), folded(last_name or "")), strict=True))
    further = [(_FURTHER, word) for name in said.values() for word in name.split()[1:]]
    begun = [token for kind, text in (*said.items(), *further) for token in _beginnings(vault, kind, text[:LONGEST])]
    first, last = (vault.token(field, name) if name else None for field, name in said.items())
    return Tokens(first, last, list(dict.fromkeys(begun)))


def _beginnings(vault: OrganisationVault, kind: str, text: str) -> Iterator[int]:
    begun = vault.tokens_of_beginnings(f"{kind} begins", text)
    return (token for token, letter in zip(begun, text, strict=True) if letter != " ")


def whole(vault: OrganisationVault, field: str, name: str) -> int:
    """The token of whoever is called so."""
    return vault.token(field, folded(name))


def beginning(vault: OrganisationVault, field: str, said: str) -> int:
    """The token of whoever's name begins so, as far as that is kept."""
    return vault.token(f"{field} begins", folded(said)[:LONGEST].rstrip())


def with_words(session: Session, said: str) -> Select[UUID] | None:
    """The ids of all contacts one of whose names begins with each of these words; None if there is no word."""
    vault, kept = vault_of(session), live(ContactName).c
    words = dict.fromkeys(folded(said).split())
    if not words:
        return None
    asked = ([beginning(vault, kind, word) for kind in (*FIELDS, _FURTHER)] for word in words)
    return select(kept.contact_id).where(*(kept.beginnings.overlap(one) for one in asked))


def keep(session: Session, contact: Contact, first_name: str | None, last_name: str | None) -> None:
    """Keep the tokens of a contact's names in place of those there are."""
    found = tokens(vault_of(session), first_name, last_name)._asdict()
    row = {"organisation_id": contact.organisation_id, "contact_id": contact.id, **found}
    session.execute(insert(ContactName).values(row).on_conflict_do_update(index_elements=["contact_id"], set_=found))
