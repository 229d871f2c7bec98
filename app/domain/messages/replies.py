"""Replies people write: a stop word ends marketing on the channel at once, whatever else is said reaches a person.

Every reply is kept: sealed, once, however often the provider tells it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock, phone, rows
from app.core.actor import Actor, require
from app.core.db import among, live
from app.core.errors import mark
from app.core.page import Ask, Page, fetch
from app.core.text import MASK, masked_email
from app.core.vault import OrganisationVault, Sealed
from app.domain.access.keyring import vault_of
from app.domain.audit import trail
from app.domain.consent import ledger, suppression
from app.domain.consent.models import ADDRESS_KIND, ConsentState
from app.domain.contacts.identifiers import normal_address, with_address
from app.domain.contacts.models import Contact, ContactAddress
from app.domain.messages import told
from app.domain.messages.models import Reply
from app.domain.messages.stopping import says_more, says_stop
from app.domain.providers import accounts
from app.domain.providers.accounts import OpenChannel
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Inbound

SUBJECT = "reply"
LONGEST = 5_000  # signs of a reply that are kept


def receive(
    session: Session, account_id: UUID, headers: Mapping[str, str], body: bytes, *, open_channel: OpenChannel
) -> int | None:
    """Keep and obey the replies of a provider's call; how many, or None if the signature is not the provider's.

    A reply that comes twice changes nothing the second time. Raises gateways' BadReceipt for a signed body that cannot be read.
    """
    account = accounts.get(session, account_id)
    channel = open_channel(account.kind, account.config, accounts.secret_of(session, account))
    if not channel.verify(headers, body, clock.now()):
        return None
    replies = channel.parse_inbound(body)
    for reply in replies:
        if _keep(session, account, reply) and says_stop(reply.text):
            _stop(session, account.channel, reply.sender)
    return len(replies)


def _keep(session: Session, account: ProviderAccount, reply: Inbound) -> bool:
    """Keep one reply; False if it was kept before."""
    vault, kind = vault_of(session), ADDRESS_KIND[account.channel]
    sender = normal_address(session, kind, reply.sender) or reply.sender
    ids = with_address(session, kind, reply.sender)
    holders = select(Contact).where(Contact.id.in_([] if ids is None else ids)).order_by(Contact.id).limit(1)
    holder = session.execute(holders).scalar_one_or_none()
    plain = json.dumps([sender, reply.text[:LONGEST]]).encode()
    is_stop = says_stop(reply.text)
    statement = insert(Reply).values(
        organisation_id=account.organisation_id,
        provider_account_id=account.id,
        event_key=reply.event_key,
        channel=account.channel,
        contact_id=holder.id if holder else None,
        blind=vault.blind(kind, sender),
        sealed=vault.seal_for(holder.id, holder.key, plain, b"reply") if holder else vault.seal(plain, "replies"),
        meaning="stop" if is_stop else "other",
        written_at=reply.occurred_at,
        received_at=clock.now(),
        handled_at=clock.now() if is_stop and not says_more(reply.text) else None,
    )
    reply_id = session.execute(statement.on_conflict_do_nothing().returning(Reply.id)).scalar()
    if reply_id and holder:
        told.replied(session, holder.id, reply_id)
    return reply_id is not None


def _stop(session: Session, channel: str, sender: str) -> None:
    """The address is never written to again for marketing, and everybody who has it is known to have said so."""
    ids = with_address(session, "email" if channel == "email" else "phone", sender)
    if ids is None:
        return
    suppression.suppress(session, sender, channel=channel, reason="opt_out", source="reply")
    people = [row[0] for row in session.execute(ids)]
    granted = select(ConsentState.contact_id).where(
        among(ConsentState.contact_id, people),
        ConsentState.channel == channel,
        ConsentState.purpose == "marketing",
        ConsentState.state == "granted",
    )
    for contact_id in session.execute(granted).scalars():
        ledger.withdraw(session, contact_id, [channel], basis="wrote STOP", source="reply")


def listed(
    session: Session, ask: Ask, *, by: Actor, is_open: bool = True, contact_id: UUID | None = None
) -> Page[Reply]:
    """A page of replies, newest first: those that wait for a person, all, or those from a contact's addresses."""
    require(by, "messages:read")
    query = select(Reply)
    if is_open:
        query = query.where(Reply.handled_at.is_(None))
    if contact_id:
        addresses = live(ContactAddress).c
        query = query.where(Reply.blind.in_(select(addresses.blind).where(addresses.contact_id == contact_id)))
    return fetch(session, query, [Reply.__table__.c.id], ask, descending=True)


@dataclass(frozen=True)
class Words:
    """What a reply says and from which address; empty where the person was erased."""

    sender: str
    text: str


def words(session: Session, replies: Iterable[Reply], *, by: Actor) -> dict[UUID, Words]:
    """The words of a page of replies: numbers masked; the words for those who handle them or may see people, which is logged."""
    rows = list(replies)
    vault = vault_of(session)
    holders = {row.contact_id for row in rows if row.contact_id}
    keys = (
        dict(session.execute(select(Contact.id, Contact.key).where(Contact.id.in_(holders))).all()) if holders else {}
    )
    may = by.may("messages:operate") or by.may("contacts:reveal")
    if may and rows:
        trail.record(session, by, "replies.read", ("organisation", by.organisation_id), after={"replies": len(rows)})
    return {row.id: _opened(vault, row, keys, in_clear=may) for row in rows}


def _opened(vault: OrganisationVault, row: Reply, keys: Mapping[UUID, bytes], *, in_clear: bool) -> Words:
    try:
        plain = (
            vault.open_for(row.contact_id, keys.get(row.contact_id, b""), row.sealed, b"reply")
            if row.contact_id
            else vault.open(row.sealed, "replies")
        )
    except (Sealed, ValueError):
        return Words("", "")
    sender, text = json.loads(plain)
    return Words(masked_email(sender) if "@" in sender else phone.masked(sender), text if in_clear else 3 * MASK)


def said(session: Session, reply_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What people wrote, for what the product itself looks for in it."""
    rows = session.execute(select(Reply).where(among(Reply.id, reply_ids))).scalars().all()
    holders = [row.contact_id for row in rows if row.contact_id]
    keys = dict(session.execute(select(Contact.id, Contact.key).where(among(Contact.id, holders))).all())
    vault = vault_of(session)
    return {row.id: _opened(vault, row, keys, in_clear=True).text for row in rows}


def handle(session: Session, reply_id: UUID, *, by: Actor) -> Reply:
    """Note that a person has seen to a reply; once is enough. Raises NotFound, Forbidden."""
    require(by, "messages:operate")
    reply = rows.one_for_update(session, Reply, reply_id, mark("There is no such reply."))
    if reply.handled_at is None:
        reply.handled_at, reply.handled_by = clock.now(), by.id
        session.flush()
        trail.record(session, by, "reply.handled", (SUBJECT, reply.id))
    return reply


def number_waiting() -> Select[int]:
    """How many replies wait for a person, to be asked together with other numbers."""
    return select(func.count()).select_from(Reply).where(Reply.handled_at.is_(None))
