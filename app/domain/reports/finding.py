"""What the search palette finds: campaigns, segments and templates by a part of their name, contacts by how theirs begins.

Or by how their number does. Whoever is found by his name is shown masked, as everywhere; addresses are looked for on the page
of contacts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, null, select
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.db import live
from app.core.text import clean
from app.domain.campaigns.models import Campaign
from app.domain.contacts.models import Contact
from app.domain.contacts.names import with_words
from app.domain.contacts.person import masked_all
from app.domain.content.models import Template
from app.domain.segments.models import Segment

MOST = 5  # of each kind
LONGEST = 120


@dataclass(frozen=True)
class Found:
    """One thing: `note` is a campaign's state, a template's channel, a contact's status."""

    kind: str
    id: UUID
    name: str
    note: str | None = None


def find(session: Session, words: str, *, by: Actor) -> list[Found]:
    """Up to five of each kind that this actor may read, the newest first, contacts in the order of their numbers, then by name."""
    wanted = clean(words)[:LONGEST]
    if not wanted:
        return []
    queries = {
        "campaign": _named(Campaign, Campaign.state, wanted),
        "segment": _named(Segment, null(), wanted).where(Segment.archived_at.is_(None)),
        "template": _named(Template, Template.channel, wanted).where(Template.archived_at.is_(None)),
        "contact": _numbered(wanted),
    }
    found = [
        Found(kind, row.id, row.name, row.note)
        for kind, query in queries.items()
        if by.may(f"{kind}s:read")
        for row in session.execute(query.limit(MOST))
    ]
    return found + (_called(session, wanted, found) if by.may("contacts:read") else [])


def _named(model: Any, note: Any, wanted: str) -> Select[Any]:
    named = func.lower(model.name).contains(wanted.lower(), autoescape=True)
    return select(model.id, model.name, note.label("note")).where(named).order_by(model.id.desc())


def _numbered(wanted: str) -> Select[Any]:
    """By the index of the numbers, which is in the order of their bytes: the number itself comes before all it begins."""
    contact = live(Contact).c
    number = contact.external_id
    query = select(contact.id, number.label("name"), contact.status.label("note"))
    query = query.where(number.startswith(wanted, autoescape=True), contact.deleted_at.is_(None))
    return query.order_by(number)


def _called(session: Session, wanted: str, found: Sequence[Found]) -> list[Found]:
    """By their names, as many as there is room for behind those with such a number."""
    contact, ids = live(Contact).c, with_words(session, wanted)
    known = [one.id for one in found if one.kind == "contact"]
    if ids is None or len(known) == MOST:
        return []
    query = select(contact.id, contact.key, contact.person, contact.external_id, contact.status)
    query = query.where(contact.id.in_(ids), contact.id.not_in(known), contact.deleted_at.is_(None))
    rows = session.execute(query.order_by(contact.id.desc()).limit(MOST - len(known))).all()
    people = masked_all(session, rows)
    return [Found("contact", row.id, _shown(people[row.id].name, row.external_id), row.status) for row in rows]


def _shown(name: str, number: str | None) -> str:
    return f"{name} · {number}" if number else name
