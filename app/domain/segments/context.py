"""What a definition is compiled in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Exists, not_, true
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import live
from app.core.vault import OrganisationVault
from app.domain.contacts.models import Contact
from app.domain.segments.fields import Catalogue

contact = live(Contact)
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
    """Not, where unknown counts as false; an EXISTS stays visible to the planner, which makes an anti-join of it."""
    return not_(found) if isinstance(found, Exists) else found.is_not(true())
