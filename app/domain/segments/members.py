"""Who is in a segment, as it is stored: brought in line with the definition by one difference, and every move noted.

The definition stays the truth for counts, previews and audiences. What is stored tells who came and who went, when and why.
"""

from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Select, false, select, update
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import among, live
from app.core.errors import DomainError, Unavailable, mark
from app.core.nouns import Happening
from app.core.sql import changed, load
from app.domain.outbox.publish import publish
from app.domain.segments import compiler, encryption
from app.domain.segments.difference import Moved, Wanted, difference
from app.domain.segments.membership import BUDGET, PATIENCE, in_time
from app.domain.segments.models import Segment, SegmentMove

_SQL = load("segments/members.sql")
# A statement about everybody reads whole tables. The planner knows nothing of who was just found, and took turns with each.
_WHOLE = {"enable_nestloop": "off"}
REASONS: dict[str, str] = {
    "first_count": mark("was in it when it was first counted"),
    "data": mark("the contact’s data changed"),
    "event": mark("an event came"),
    "message": mark("something happened to a message"),
    "consent": mark("consent changed"),
    "bank": mark("news of the bank’s balances or months"),
    "import": mark("an import"),
    "definition": mark("the conditions changed"),
    "recount": mark("a count of everybody"),
    "archived": mark("the segment was archived"),
    "unarchived": mark("the segment was brought back"),
}


class SegmentMoved(Happening):
    """Some came into a segment, or went out of it, at once; `membership_moves` has who. Not told of the first count."""

    kind = "segment.moved"
    change: UUID
    entered: int
    left: int
    reason: str
    version: int


def refresh(session: Session, segment: Segment, reason: str) -> Moved:
    """Bring a segment's members in line with its definition, and count it.

    What cannot be counted (a field is gone, a number is too large, it takes too long) keeps its members and has no size.
    Whoever changes the definition meanwhile finds it due again.
    """
    _lock(session, [segment.id])
    session.refresh(segment)
    began, due_at, version = monotonic(), segment.due_at, segment.version
    is_first = segment.filled_at is None
    seen: dict[str, Any] = {"refreshed_at": clock.now(), "counted_at": clock.now(), "due_at": None, "due_reason": None}
    try:
        wanted = {segment.id: Wanted(version, _predicate(session, segment))}
        with in_time(session, BUDGET, _WHOLE):
            [moved] = difference(session, wanted, "first_count" if is_first else reason)
    except (DomainError, DataError):
        moved, seen["size"] = Moved(segment.id, uuid4()), None
    else:
        seen |= {"size": moved.found, "filled_at": segment.filled_at or clock.now()}
    seen["took_ms"] = int((monotonic() - began) * 1000)
    is_as_read = (Segment.id == segment.id, Segment.version == version, Segment.due_at.is_not_distinct_from(due_at))
    changed(session, update(Segment).where(*is_as_read).values(seen))
    session.refresh(segment)
    if not is_first and (moved.entered or moved.left):
        _tell(session, moved, reason, version)
    return moved


def refresh_some(
    session: Session, contact_ids: Iterable[UUID], segment_ids: Iterable[UUID], reason: str
) -> list[Moved]:
    """The same for a few contacts and many segments, in one statement; who moved where.

    A segment that is due as a whole is left to that: it sees these contacts then. One that breaks or takes too long becomes due.
    """
    ids, who = sorted(set(segment_ids)), sorted(set(contact_ids))
    _lock(session, ids)
    asked = select(Segment).where(among(Segment.id, ids), Segment.archived_at.is_(None), Segment.due_at.is_(None))
    segments = session.execute(asked.execution_options(populate_existing=True)).scalars().all()
    wanted: dict[UUID, Wanted] = {}
    around = compiler.compile_context(session)
    for segment in segments:
        try:
            holds = compiler.within(around, encryption.opened(session, segment))
            wanted[segment.id] = Wanted(segment.version, holds)
        except DomainError:
            segment.due_at, segment.due_reason = around.now, reason
    if not wanted:
        return []
    try:
        with in_time(session, PATIENCE):
            moved = difference(session, wanted, reason, who)
    except (Unavailable, DataError):
        session.execute(
            update(Segment).where(among(Segment.id, list(wanted))).values(due_at=around.now, due_reason=reason)
        )
        return []
    grown = [one for one in moved if one.entered or one.left]
    if grown:
        sizes = {"ids": [one.segment_id for one in grown], "more": [one.entered - one.left for one in grown]}
        session.execute(_SQL["change_sizes"], {**sizes, "now": around.now})
    for one in grown:
        _tell(session, one, reason, wanted[one.segment_id].version)
    return moved


def membership_moves(session: Session, change_id: UUID, segment_id: UUID, *, entered: bool) -> Select[tuple[UUID]]:
    """The contacts who came into a segment by a change, or who went out of it."""
    move = live(SegmentMove).c
    return select(move.contact_id).where(
        move.change_id == change_id, move.segment_id == segment_id, move.entered == entered
    )


def _lock(session: Session, segment_ids: Sequence[UUID]) -> None:
    """Hold the members of these segments until the transaction ends; what is read afterwards is no older than the lock."""
    session.execute(_SQL["lock_members"], {"ids": segment_ids})


def _predicate(session: Session, segment: Segment) -> ColumnElement[bool]:
    """Who has to be in it: nobody in an archived one. Raises Conflict."""
    return false() if segment.archived_at else compiler.predicate(session, encryption.opened(session, segment))


def _tell(session: Session, moved: Moved, reason: str, version: int) -> None:
    said = {"entered": moved.entered, "left": moved.left, "reason": reason, "version": version}
    publish(session, SegmentMoved(subject=moved.segment_id, change=moved.change, **said))
