"""The difference between who is in segments and who has to be: made by one statement, which notes every move."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Integer,
    Select,
    Uuid,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import among, live
from app.core.unit import actor_of
from app.domain.segments import compiler
from app.domain.segments.context import contact
from app.domain.segments.models import SegmentMember, SegmentMove


class Wanted(NamedTuple):
    """Who has to be in a segment: a version of it, and its predicate."""

    version: int
    holds: ColumnElement[bool]


@dataclass(frozen=True)
class Moved:
    """What the difference was for one segment: how many entered and left, and how many are found to be in it."""

    segment_id: UUID
    change: UUID
    entered: int = 0
    left: int = 0
    found: int = 0


def difference(
    session: Session, wanted: Mapping[UUID, Wanted], reason: str, contact_ids: Sequence[UUID] | None = None
) -> list[Moved]:
    """Let in who matches and is not in it, let out who is in it and does not match; one answer for each segment.

    Where there are `contact_ids`, nobody else is looked at. The caller holds the locks of the segments.
    """
    change, now, organisation = uuid4(), clock.now(), actor_of(session).organisation_id
    found = union_all(*(_matching(one, want.holds, contact_ids) for one, want in wanted.items())).cte("found")
    came, went = _coming(found, organisation, now), _going(found, list(wanted), contact_ids)
    versions = (
        func.unnest(cast(list(wanted), ARRAY(Uuid)), cast([one.version for one in wanted.values()], ARRAY(Integer)))
        .table_valued(column("segment_id", Uuid), column("version", Integer), name="versions")
        .render_derived()
    )
    moved = union_all(_sides(came, entered=True), _sides(went, entered=False)).subquery()
    shared = {"organisation_id": organisation, "at": now, "reason": reason, "change_id": change}
    columns = [moved.c.segment_id, moved.c.contact_id, moved.c.entered, versions.c.version]
    noted = insert(SegmentMove).from_select(
        [*(one.name for one in columns), *shared],
        select(*columns, *map(literal, shared.values())).join(versions, versions.c.segment_id == moved.c.segment_id),
    ).cte("noted")  # fmt: skip
    counted = {
        part.name: select(part.c.segment_id, func.count().label("number")).group_by(part.c.segment_id).subquery()
        for part in (came, went, found)
    }
    answer: Select[Any] = select(
        versions.c.segment_id, *(func.coalesce(one.c.number, 0).label(name) for name, one in counted.items())
    ).add_cte(noted)
    for one in counted.values():
        answer = answer.outerjoin_from(versions, one, one.c.segment_id == versions.c.segment_id)
    rows = session.execute(answer)
    return [Moved(row.segment_id, change, entered=row.came, left=row.went, found=row.found) for row in rows]


def _matching(segment_id: UUID, holds: ColumnElement[bool], contact_ids: Sequence[UUID] | None) -> Select[Any]:
    matching = select(literal(segment_id).label("segment_id"), contact.c.id.label("contact_id"))
    among_these = [] if contact_ids is None else [among(contact.c.id, contact_ids)]
    return matching.where(compiler.present(), *among_these, holds)


def _coming(found: CTE, organisation: UUID, now: Any) -> CTE:
    member = live(SegmentMember).c
    is_in = exists().where(member.segment_id == found.c.segment_id, member.contact_id == found.c.contact_id)
    new = select(literal(organisation), found.c.segment_id, found.c.contact_id, literal(now)).where(~is_in)
    return (
        insert(SegmentMember)
        .from_select(["organisation_id", "segment_id", "contact_id", "entered_at"], new)
        .returning(SegmentMember.segment_id, SegmentMember.contact_id)
        .cte("came")
    )


def _going(found: CTE, segment_ids: Sequence[UUID], contact_ids: Sequence[UUID] | None) -> CTE:
    member = SegmentMember.__table__.c
    among_these = [] if contact_ids is None else [among(member.contact_id, contact_ids)]
    belongs = exists().where(found.c.segment_id == member.segment_id, found.c.contact_id == member.contact_id)
    return (
        delete(SegmentMember)
        .where(among(member.segment_id, segment_ids), *among_these, ~belongs)
        .returning(SegmentMember.segment_id, SegmentMember.contact_id)
        .cte("went")
    )


def _sides(part: CTE, *, entered: bool) -> Select[Any]:
    return select(part.c.segment_id, part.c.contact_id, literal(entered).label("entered"))
