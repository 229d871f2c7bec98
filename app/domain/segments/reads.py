"""What a segment looks at, as short words kept with it, so that a change is looked up among all segments in one statement."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import Session

from app.domain.segments import dependencies, encryption
from app.domain.segments.check import reached
from app.domain.segments.definition import Definition
from app.domain.segments.dependencies import ANY_EVENT, Dependencies
from app.domain.segments.models import Segment

MESSAGES, CONSENT, BANK, RELATIVE = "messages", "consent", "bank", "relative"


def field(name: str) -> str:
    """The word of a field of the contact."""
    return f"field:{name}"


def event(name: str) -> str:
    """The word of an event."""
    return f"event:{name}"


def segment(segment_id: UUID) -> str:
    """The word of another segment, named in the definition or in one that it names."""
    return f"segment:{segment_id}"


def needs(session: Session, definition: Definition) -> Dependencies:
    """Everything a definition depends on; the segments it names are followed to the end."""
    inner = reached(session, definition)
    found = dependencies.of(definition) | Dependencies(segments=frozenset(inner))
    for one in (session.get(Segment, inner_id) for inner_id in inner):
        if one is not None:
            found |= dependencies.of(encryption.opened(session, one))
    return found


def words(found: Dependencies) -> list[str]:
    """What is kept with the segment."""
    alone = {MESSAGES: found.messages, CONSENT: found.consent, BANK: found.bank, RELATIVE: found.relative}
    named = [*map(field, found.fields), *map(event, found.events), *map(segment, found.segments)]
    return sorted([*named, *(word for word, is_read in alone.items() if is_read)])


def of_contact(fields: Iterable[str]) -> list[str]:
    """What may be seen of a contact by when these of its fields have changed."""
    changed = {*fields, "updated_at"}
    return sorted(map(field, changed | ({"email_domain"} if "email" in changed else set())))


def of_event(name: str) -> list[str]:
    """Who may look at an event of this name."""
    return [event(name), event(ANY_EVENT)]


def any_of(changed: Iterable[str] | None) -> ColumnElement[bool]:
    """Segments that look at something of this, or of anything; one that has not said yet looks at all of it."""
    if changed is None:
        return Segment.archived_at.is_(None)
    return Segment.archived_at.is_(None) & or_(Segment.reads.is_(None), Segment.reads.overlap(list(changed)))
