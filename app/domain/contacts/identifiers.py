"""Which contact is meant: by id, external id, e-mail or phone."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, Select, Text, any_, cast, or_, select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.db import among, live
from app.core.errors import Conflict, Invalid, NotFound, mark
from app.core.text import clean
from app.core.text import email as normal_email
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.contacts.models import Contact, ContactAddress

KINDS = ("id", "external_id", "email", "phone")
SHARED = mark("Several contacts share this address. Name one by its id or customer number.")


class Ambiguous(Conflict):
    """An address that several people share names nobody in particular."""

    code = "AMBIGUOUS"


def resolve(session: Session, kind: str, value: str) -> Contact:
    """The one living contact that `value` names.

    Raises:
        NotFound, Invalid (unknown kind, or not an id, e-mail or phone at all), Ambiguous (several share it).
    """
    found = session.execute(
        select(Contact).where(Contact.id.in_(_ids(session, kind, value)), Contact.deleted_at.is_(None)).limit(2)
    ).scalars()
    contacts = list(found)
    if not contacts:
        raise NotFound(mark("There is no such contact."))
    if len(contacts) > 1:
        raise Ambiguous(SHARED)
    return contacts[0]


def named(session: Session, words: Sequence[str]) -> dict[str, list[UUID]]:
    """The living contacts that each word names, as an id, a customer number, an e-mail or a phone: two statements in all.

    A word that names nobody is not there; one that several share has all of them.
    """
    contacts, found = live(Contact).c, defaultdict[str, list[UUID]](list)
    by_number, by_id = {clean(word): word for word in words}, {i: word for word in words if (i := _uuid(word))}
    either = or_(among(contacts.id, list(by_id)), contacts.external_id == any_(cast(list(by_number), ARRAY(Text))))
    for row in session.execute(select(contacts.id, contacts.external_id).where(either, contacts.deleted_at.is_(None))):
        found[by_id.get(row.id) or by_number[row.external_id]].append(row.id)
    blinds = {blind: word for word in words if word not in found and (blind := _blind(session, word))}
    addresses = live(ContactAddress).c
    query = (
        select(addresses.blind, addresses.contact_id)
        .join(live(Contact), contacts.id == addresses.contact_id)
        .where(addresses.blind == any_(cast(list(blinds), ARRAY(LargeBinary))), contacts.deleted_at.is_(None))
        .distinct()
    )
    for blind, contact_id in session.execute(query):
        found[blinds[bytes(blind)]].append(contact_id)
    return dict(found)


def _blind(session: Session, word: str) -> bytes | None:
    kind = "email" if "@" in word else "phone"
    normal = normal_address(session, kind, word)
    return vault_of(session).blind(kind, normal) if normal else None


def _uuid(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None


def with_address(session: Session, kind: str, value: str) -> Select[UUID] | None:
    """The ids of all contacts with an e-mail or phone; None if it is not a valid one."""
    normal = normal_address(session, kind, value)
    if normal is None:
        return None
    addresses = live(ContactAddress).c
    return select(addresses.contact_id).where(
        addresses.kind == kind, addresses.blind == vault_of(session).blind(kind, normal)
    )


def normal_address(session: Session, kind: str, value: str) -> str | None:
    """The address as it is compared: an e-mail in lower case, a phone in E.164; None if it is not valid."""
    if kind == "email":
        return normal_email(value)
    return phone.parse(value, organisation_of(session).region)


def _ids(session: Session, kind: str, value: str) -> Select[UUID] | list[UUID]:
    if kind == "id":
        try:
            return [UUID(value)]
        except ValueError:
            raise Invalid.field("id", mark("This is not a valid id.")) from None
    if kind == "external_id":
        contacts = live(Contact).c
        return select(contacts.id).where(contacts.external_id == clean(value))
    if kind not in KINDS:
        raise Invalid.field("contact", mark("Name the contact by id, customer number, e-mail or phone."))
    ids = with_address(session, kind, value)
    if ids is None:
        raise Invalid.field(kind, mark("This is not a valid address."))
    return ids
