"""Why one contact is in a segment or not: every condition, true or false, with what the contact has now."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.db import among
from app.core.errors import NotFound, mark
from app.core.unit import actor_of
from app.domain.contacts import identifiers
from app.domain.contacts.identifiers import SHARED, Ambiguous
from app.domain.segments import compiler, encryption
from app.domain.segments.condition import Condition
from app.domain.segments.context import contact
from app.domain.segments.definition import Definition, conditions
from app.domain.segments.models import Segment


@dataclass(frozen=True)
class Verdict:
    """One condition about one contact; `value` is what the contact has now, None where there is nothing to show."""

    path: str
    condition: Condition
    holds: bool
    value: Any


@dataclass(frozen=True)
class Explanation:
    """Whether the contact is in the segment, and each condition by itself in reading order."""

    contact_id: UUID
    external_id: str | None
    is_in: bool
    verdicts: list[Verdict]


def find(session: Session, said: str, *, by: Actor) -> UUID:
    """The contact of an id, a customer number, an e-mail or a phone. Raises NotFound, Ambiguous (several share it)."""
    require(by, "contacts:read")
    found = identifiers.named(session, [said.strip()]).get(said.strip(), [])
    if len(found) > 1:
        raise Ambiguous(SHARED)
    present = select(contact.c.id).where(among(contact.c.id, found), compiler.present())
    for contact_id in session.execute(present).scalars():
        return UUID(str(contact_id))
    raise NotFound(mark("There is no such contact."))


def explain(session: Session, segment: Segment, contact_id: UUID, *, by: Actor) -> Explanation:
    """Explain a segment for one contact. Raises NotFound."""
    require(by, "contacts:read")
    return judge(session, encryption.opened(session, segment), contact_id)


def judge(session: Session, definition: Definition, contact_id: UUID) -> Explanation:
    """Explain a definition for one contact: the very predicates the select is made of. Raises NotFound.

    What the contact has of it is told to whoever may know.
    """
    around, by = compiler.compile_context(session), actor_of(session)
    parts = list(conditions(definition))
    wanted = [compiler.within(around, definition), *[compiler.one(around, definition, one) for one, _ in parts]]
    columns = [one.is_(true()).label(f"holds_{n}") for n, one in enumerate(wanted)]
    row = session.execute(
        select(contact, *columns).where(contact.c.id == contact_id, compiler.present())
    ).mappings().one_or_none()  # fmt: skip
    if row is None:
        raise NotFound(mark("There is no such contact."))
    verdicts = [
        Verdict(
            path,
            one,
            bool(row[f"holds_{n}"]),
            one.held(around, row) if by.may(one.permission or "contacts:read") else None,
        )
        for n, (one, path) in enumerate(parts, start=1)
    ]
    return Explanation(contact_id, row["external_id"], bool(row["holds_0"]), verdicts)
