"""Signs of life of contacts: what they did, what of ours they opened or clicked, and what they answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, union_all
from sqlalchemy.orm import Session

from app.core.db import live
from app.domain.events.models import Event
from app.domain.messages.models import Message, Reply
from app.domain.segments.context import Predicate, contact, during

event, message, reply = live(Event), live(Message), live(Reply)
# Whose, and when: moments of one row stand side by side, so that a table is read once.
_SIGNS: tuple[tuple[ColumnElement[Any], tuple[ColumnElement[Any], ...]], ...] = (
    (event.c.contact_id, (event.c.occurred_at,)),
    (message.c.contact_id, (message.c.opened_at, message.c.clicked_at)),
    (reply.c.contact_id, (reply.c.received_at,)),
)


def between(first: datetime | None, end: datetime | None) -> Predicate:
    """Contacts with a sign of life in a time.

    One EXISTS a table: the planner hashes each. Of a union of all it believes that it has 200 people, and looks up every one.
    """
    found = []
    for whose, moments in _SIGNS:
        lies = or_(*(and_(at.is_not(None), *during(at, (first, end))) for at in moments))
        found.append(select(whose).where(whose == contact.c.id, lies).correlate(contact).exists())
    return or_(*found)


def last(session: Session, contact_id: UUID) -> datetime | None:
    """When a contact last gave one."""
    signs = union_all(
        *(select(func.max(at).label("at")).where(whose == contact_id) for whose, moments in _SIGNS for at in moments)
    ).subquery()
    found: datetime | None = session.execute(select(func.max(signs.c.at))).scalar_one()
    return found
