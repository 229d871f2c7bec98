"""What a segment was before: every version with who made it, and what is different between two."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import NotFound, mark
from app.core.page import Ask, Page, fetch
from app.domain.segments import encryption
from app.domain.segments.condition import Condition
from app.domain.segments.definition import Definition, conditions
from app.domain.segments.models import Segment, SegmentVersion


@dataclass(frozen=True)
class Difference:
    """What is different from an older version to a newer one; pairs are before and after.

    `is_regrouped` says that the same conditions are put together in another way.
    """

    name: tuple[str, str] | None = None
    description: tuple[str | None, str | None] | None = None
    zone: tuple[str, str] | None = None
    added: tuple[Condition, ...] = ()
    removed: tuple[Condition, ...] = ()
    is_regrouped: bool = False


def keep(session: Session, segment: Segment, *, restored_from: int | None = None) -> None:
    """Keep a segment as it is now, as its newest version."""
    session.add(
        SegmentVersion(
            organisation_id=segment.organisation_id,
            segment_id=segment.id,
            number=segment.version,
            name=segment.name,
            description=segment.description,
            definition=segment.definition,
            restored_from=restored_from,
            made_by=segment.updated_by,
            made_at=segment.updated_at,
        )
    )
    session.flush()


def listed(session: Session, segment_id: UUID, ask: Ask, *, by: Actor) -> Page[SegmentVersion]:
    """A page of the versions of a segment, newest first."""
    require(by, "segments:read")
    query = select(SegmentVersion).where(SegmentVersion.segment_id == segment_id)
    return fetch(session, query, [SegmentVersion.__table__.c.number], ask, descending=True)


def one(session: Session, segment_id: UUID, number: int, *, by: Actor) -> SegmentVersion:
    """One version. Raises NotFound."""
    require(by, "segments:read")
    found = session.get(SegmentVersion, (segment_id, number)) if 0 < number < 2**31 else None
    if found is None:
        raise NotFound(mark("There is no version %(number)s of this segment."), number=number)
    return found


def definition_of(session: Session, version: SegmentVersion) -> Definition:
    """What a version asked, with readable values."""
    return encryption.readable(session, version.definition)


def changes(session: Session, some: Sequence[SegmentVersion]) -> Mapping[int, Difference]:
    """What each of some versions of a segment changed, by its number; nothing of the first."""
    version = SegmentVersion
    numbers = [one.number - 1 for one in some]
    before = select(version).where(
        version.segment_id.in_({one.segment_id for one in some}), version.number.in_(numbers)
    )
    known = {one.number: one for one in session.execute(before).scalars()}
    return {one.number: between(session, known[one.number - 1], one) for one in some if one.number - 1 in known}


def between(session: Session, old: SegmentVersion, new: SegmentVersion) -> Difference:
    """What is different in `new`."""
    was, now = definition_of(session, old), definition_of(session, new)
    before, after = _counted(was), _counted(now)
    return Difference(
        name=(old.name, new.name) if old.name != new.name else None,
        description=(old.description, new.description) if old.description != new.description else None,
        zone=(was.zone, now.zone) if was.zone != now.zone else None,
        added=_conditions(now, after - before),
        removed=_conditions(was, before - after),
        is_regrouped=before == after and was.where != now.where,
    )


def _counted(definition: Definition) -> "Counter[str]":
    return Counter(_key(condition) for condition, _ in conditions(definition))


def _conditions(definition: Definition, wanted: "Counter[str]") -> tuple[Condition, ...]:
    known = {_key(condition): condition for condition, _ in conditions(definition)}
    return tuple(known[key] for key in wanted.elements())


def _key(condition: Condition) -> str:
    return json.dumps(condition.dump(), sort_keys=True)
