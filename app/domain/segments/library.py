"""Segments by name: make, change, archive, list. A segment that is used cannot be archived."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, Issue, Phrase, Stale, mark
from app.core.page import Ask, Page, fetch
from app.core.unit import actor_of
from app.domain.audit import trail
from app.domain.links import used_by
from app.domain.links.models import UsedBy
from app.domain.segments import encryption, freshness, membership, versions
from app.domain.segments.check import check
from app.domain.segments.definition import Definition, conditions
from app.domain.segments.models import Segment

SUBJECT = "segment"
_NAMES = select(Segment.id, Segment.name).where(Segment.archived_at.is_(None)).order_by(func.lower(Segment.name))


class SegmentInput(BaseModel):
    """A segment as a person writes it; `definition` in the grammar of definition.py."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=120)
    description: str | None = Field(default=None, max_length=2000)
    definition: dict[str, Any]


def create(session: Session, new: SegmentInput, *, by: Actor) -> Segment:
    """Make a segment and count it. Raises Invalid (name taken, definition wrong), Forbidden."""
    require(by, "segments:write")
    definition = _checked(session, new)
    segment = Segment(
        organisation_id=by.organisation_id,
        name=new.name,
        description=new.description or None,
        definition=encryption.sealed(session, definition),
        version=1,
        created_by=by.id,
        updated_by=by.id,
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    session.add(segment)
    session.flush()
    versions.keep(session, segment)
    _settle(session, segment, definition)
    after = {"name": segment.name, "definition": segment.definition}
    trail.record(session, by, "segment.created", (SUBJECT, segment.id), after=after)
    return segment


def update(session: Session, segment_id: UUID, new: SegmentInput, *, version: int | None = None, by: Actor) -> Segment:
    """Change a segment; its version goes up if anything is different.

    Raises:
        NotFound, Invalid, Conflict (archived), Stale (somebody else changed it since `version`).
    """
    segment = _changeable(session, segment_id, version, by=by)
    return _changed(session, segment, new, by=by)


def restore(session: Session, segment_id: UUID, number: int, *, version: int | None = None, by: Actor) -> Segment:
    """Make a segment what it was in an earlier version, as a new one; its name stays.

    Raises:
        NotFound, Conflict (archived, or it uses what is no longer there), Stale (somebody else changed it since `version`).
    """
    segment = _changeable(session, segment_id, version, by=by)
    old = versions.one(session, segment_id, number, by=by)
    definition = versions.definition_of(session, old).dump()
    new = SegmentInput(name=segment.name, description=old.description, definition=definition)
    try:
        return _changed(session, segment, new, restored_from=number, by=by)
    except Invalid as error:
        raise Conflict(
            mark("Version %(number)s cannot be restored. %(why)s"), number=number, why=_first(error)
        ) from None


def _first(error: Invalid) -> Phrase:
    """What is wrong, by the first mistake."""
    return Phrase(error.details[0].message, error.details[0].values)


def _changeable(session: Session, segment_id: UUID, version: int | None, *, by: Actor) -> Segment:
    require(by, "segments:write")
    segment = one_for_update(session, segment_id)
    if segment.archived_at:
        raise Conflict(mark("This segment is archived. Bring it back first."))
    if version is not None and version != segment.version:
        raise Stale(mark("Somebody else changed this segment while you were editing. Reload it to see the changes."))
    return segment


def _changed(
    session: Session, segment: Segment, new: SegmentInput, *, restored_from: int | None = None, by: Actor
) -> Segment:
    definition = _checked(session, new, own=segment)
    changed = _changes(session, segment, new, definition)
    if not changed:
        return segment
    before = {name: getattr(segment, name) for name in changed}
    for name, value in changed.items():
        setattr(segment, name, value)
    segment.version += 1
    segment.updated_at, segment.updated_by = clock.now(), by.id
    versions.keep(session, segment, restored_from=restored_from)
    _settle(session, segment, definition)
    after = changed if restored_from is None else {**changed, "restored_from": restored_from}
    trail.record(session, by, "segment.changed", (SUBJECT, segment.id), before=before, after=after)
    return segment


def archive(session: Session, segment_id: UUID, *, by: Actor) -> None:
    """Put a segment away; its name is free again. Raises NotFound, Conflict (something uses it)."""
    require(by, "segments:write")
    segment = one_for_update(session, segment_id)
    if segment.archived_at:
        return
    used_by.refuse_while_used(session, SUBJECT, segment.id)
    segment.archived_at = segment.updated_at = clock.now()
    segment.updated_by = by.id
    session.flush()
    freshness.put_away(session, segment)
    used_by.uses(session, SUBJECT, segment.id, segment.name, [])
    trail.record(session, by, "segment.archived", (SUBJECT, segment.id), before={"name": segment.name})


def unarchive(session: Session, segment_id: UUID, *, by: Actor) -> Segment:
    """Bring an archived segment back under its name.

    Raises:
        NotFound, Conflict (its name is taken by now, or it uses what is no longer there).
    """
    require(by, "segments:write")
    segment = one_for_update(session, segment_id)
    if segment.archived_at is None:
        return segment
    plain = definition_of(session, segment).dump()
    same = SegmentInput(name=segment.name, description=segment.description, definition=plain)
    try:
        definition = _checked(session, same, own=segment)
    except Invalid as error:
        raise Conflict(mark("The segment cannot be brought back. %(why)s"), why=_first(error)) from None
    segment.archived_at, segment.updated_at, segment.updated_by = None, clock.now(), by.id
    session.flush()
    _settle(session, segment, definition, "unarchived")
    trail.record(session, by, "segment.unarchived", (SUBJECT, segment.id), after={"name": segment.name})
    return segment


def get(session: Session, segment_id: UUID, *, by: Actor) -> Segment:
    """One segment, also an archived one. Raises NotFound."""
    require(by, "segments:read")
    return rows.one(session, Segment, segment_id, mark("There is no such segment."))


def possible(segment: Segment, *, by: Actor) -> frozenset[str]:
    """What this actor can do with a segment now."""
    if not by.may("segments:write"):
        return frozenset({"recount"} if by.may("segments:read") else ())
    return frozenset({"recount", "duplicate"} | ({"unarchive"} if segment.archived_at else {"edit", "archive"}))


def definition_of(session: Session, segment: Segment) -> Definition:
    """A segment's definition with readable values."""
    return encryption.opened(session, segment)


def revealed(session: Session, segment: Segment, *, by: Actor) -> Definition:
    """A segment's definition for whoever may see its values; a look at one that names people is logged. Raises Forbidden."""
    definition = definition_of(session, segment)
    if encryption.names_people(definition):
        require(by, "contacts:reveal")
        trail.record(session, by, "segment.revealed", (SUBJECT, segment.id))
    return definition


def one_for_update(session: Session, segment_id: UUID) -> Segment:
    """One segment, locked. Raises NotFound."""
    return rows.one_for_update(session, Segment, segment_id, mark("There is no such segment."))


def listed(session: Session, ask: Ask, *, by: Actor, text: str = "", is_archived: bool = False) -> Page[Segment]:
    """A page of segments, newest first."""
    require(by, "segments:read")
    query = select(Segment).where(Segment.archived_at.is_not(None) if is_archived else Segment.archived_at.is_(None))
    if text:
        query = query.where(Segment.name.icontains(text, autoescape=True))
    return fetch(session, query, [Segment.__table__.c.id], ask, descending=True)


def names(session: Session, *, by: Actor) -> dict[UUID, str]:
    """Every segment that is not archived, by name: what a condition can choose from."""
    require(by, "segments:read")
    return {row.id: row.name for row in session.execute(_NAMES)}


def users_of(session: Session, segment: Segment, *, by: Actor) -> list[UsedBy]:
    """Who uses a segment: campaigns and other segments."""
    require(by, "segments:read")
    return used_by.users_of(session, SUBJECT, segment.id)


def recount(session: Session, segment_id: UUID, *, by: Actor) -> Segment:
    """Count a segment now. Raises NotFound."""
    require(by, "segments:read")
    segment = one_for_update(session, segment_id)
    membership.recount(session, segment)
    freshness.owe(session, "recount", Segment.id == segment.id)
    return segment


def _checked(session: Session, new: SegmentInput, own: Segment | None = None) -> Definition:
    """The definition, checked; mistakes in it and a name that is taken are told together.

    One segment of an organisation is saved at a time: two at once could take the same name, or name each other.
    """
    session.execute(
        select(func.pg_advisory_xact_lock(func.hashtext(f"segments of {actor_of(session).organisation_id}")))
    )
    found: list[Issue] = []
    definition = None
    try:
        definition = check(session, new.definition, own_id=own.id if own else None)
    except Invalid as error:
        found += [Issue(f"definition.{i.field}".rstrip("."), i.message, i.values) for i in error.details]
    same = select(Segment.id).where(func.lower(Segment.name) == new.name.lower(), Segment.archived_at.is_(None))
    if session.execute(same.where(Segment.id != own.id) if own else same).first():
        found.append(Issue("name", mark("There is a segment of this name already.")))
    if found or definition is None:
        raise Invalid(mark("Some fields are not right."), details=tuple(found))
    return definition


def _changes(session: Session, segment: Segment, new: SegmentInput, definition: Definition) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if new.name != segment.name:
        changed["name"] = new.name
    if (new.description or None) != segment.description:
        changed["description"] = new.description or None
    # Compared open: a value sealed again is another ciphertext.
    if definition.dump() != definition_of(session, segment).dump():
        changed["definition"] = encryption.sealed(session, definition)
    return changed


def _settle(session: Session, segment: Segment, definition: Definition, reason: str = "definition") -> None:
    """What follows from a definition: what it names, its size, and who is in it."""
    used_by.uses(
        session, SUBJECT, segment.id, segment.name, [named for part, _ in conditions(definition) for named in part.uses]
    )
    membership.recount(session, segment)
    freshness.settle(session, segment, definition, reason)
