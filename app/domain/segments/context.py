"""What a definition is compiled in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Exists, and_, not_, select, true
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import iterate

from app.core import clock
from app.core.db import live
from app.core.vault import OrganisationVault
from app.domain.contacts.models import Contact, ContactName
from app.domain.segments.fields import Catalogue

contact = live(Contact)
named = live(ContactName)
Predicate = ColumnElement[bool]
When = tuple[datetime | None, datetime | None]  # from when, and before when


@dataclass(frozen=True)
class CompileContext:
    """The moment, the zone, the fields, and the segments a definition lies in already.

    `write_out` is the compiler's: a segment by its id, as the conditions it is made of; `opened` are definitions it uses in
    place of the stored ones.
    """

    session: Session
    known: Catalogue
    vault: OrganisationVault
    now: datetime
    zone: str
    write_out: Callable[["CompileContext", UUID], Predicate]
    whose: str = "organisation"
    inside: tuple[UUID, ...] = ()
    opened: dict[UUID, Any] = field(default_factory=dict)

    def today(self) -> date:
        return clock.today(self.zone)

    def segment(self, segment_id: UUID) -> Predicate:
        """Another segment, written out here."""
        return self.write_out(self, segment_id)


def during(at: ColumnElement[Any], when: When) -> list[Predicate]:
    """A moment within bounds."""
    first, end = when
    return [*([at >= first] if first else []), *([at < end] if end else [])]


def opposite(found: Predicate) -> Predicate:
    """Not, where unknown counts as false; an EXISTS stays visible to the planner, which makes an anti-join of it.

    What is not known of whoever's names were not read yet does not hold of him, nor does its opposite.
    """
    straight = not_(found) if isinstance(found, Exists) else found.is_not(true())
    return and_(straight, with_name()) if any(one is named for one in iterate(found)) else straight


def with_name(*having: Predicate) -> Exists:
    """Whoever's names were read, and are so."""
    return select(named.c.contact_id).where(named.c.contact_id == contact.c.id, *having).correlate(contact).exists()
