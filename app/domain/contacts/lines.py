"""Which phones can be sent an SMS, of contacts that were there before it was asked."""

from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import Table, bindparam, select, update
from sqlalchemy.orm import Session

from app.core import phone
from app.core.db import live
from app.domain.access.keyring import vault_of
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.contacts.person import opened

AT_ONCE = 5_000  # contacts; they have to be opened, 50,000 a second


def ask(session: Session) -> int:
    """Ask it of the next contacts; how many they were, 0 when it is known of all."""
    contacts, addresses = live(Contact).c, live(ContactAddress).c
    unasked = select(addresses.contact_id).where(addresses.kind == "phone", addresses.takes_sms.is_(None))
    people = unasked.distinct().limit(AT_ONCE).subquery()
    rows = session.execute(
        select(contacts.id, contacts.key, contacts.person).join(people, people.c.contact_id == contacts.id)
    ).all()
    vault, own = vault_of(session), ContactAddress
    told = [told for row in rows for told in _told(opened(vault, row.id, row.key, row.person).phones, row.id)]
    # first for all: a phone that its person cannot be opened for any more is not asked again and again
    mine = own.contact_id.in_([row.id for row in rows]), own.kind == "phone", own.takes_sms.is_(None)
    session.execute(update(own).where(*mine).values(takes_sms=False).execution_options(synchronize_session=False))
    if told:
        table = cast("Table", own.__table__)
        is_it = (
            (table.c.contact_id == bindparam("of")) & (table.c.kind == "phone") & (table.c.position == bindparam("at"))
        )
        session.connection().execute(update(table).where(is_it).values(takes_sms=bindparam("takes")), told)
    return len(rows)


def _told(phones: tuple[str, ...], contact_id: Any) -> Iterator[dict[str, Any]]:
    for position, number in enumerate(phones):
        yield {"of": contact_id, "at": position, "takes": phone.takes_sms(number)}
