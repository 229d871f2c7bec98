"""Signs of life of contacts: what they did, what of ours they opened or clicked, and what they answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Exists, Subquery, func, select, union_all
from sqlalchemy.orm import Session

from app.core.db import live
from app.domain.events.models import Event
from app.domain.messages.models import Message, Reply
from app.domain.segments.context import contact


def between(first: datetime | None, end: datetime | None) -> Exists:
    """Contacts with a sign of life in a time. One list of all signs, so that it is read once and hashed, not looked up."""
    signs = _signs(first, end)
    return select(signs.c.contact_id).where(signs.c.contact_id == contact.c.id).correlate(contact).exists()


def last(session: Session, contact_id: UUID) -> datetime | None:
    """When a contact last gave one."""
    signs = _signs(None, None)
    found: datetime | None = session.execute(
        select(func.max(signs.c.at)).where(signs.c.contact_id == contact_id)
    ).scalar_one()
    return found


def _signs(first: datetime | None, end: datetime | None) -> Subquery:
    event, message, reply = live(Event).c, live(Message).c, live(Reply).c
    parts: list[Any] = []
    for whose, at in (
        (event.contact_id, event.occurred_at),
        (message.contact_id, message.opened_at),
        (message.contact_id, message.clicked_at),
        (reply.contact_id, reply.received_at),
    ):
        sign = select(whose.label("contact_id"), at.label("at")).where(whose.is_not(None), at.is_not(None))
        if first:
            sign = sign.where(at >= first)
        parts.append(sign.where(at < end) if end else sign)
    return union_all(*parts).subquery()
