"""From JSON to a definition that can be used: fields, types, values, and no segment that contains itself."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Invalid, Issue, mark
from app.core.unit import actor_of
from app.domain.segments import encryption, fields
from app.domain.segments.condition import Unfit
from app.domain.segments.definition import AllOf, AnyOf, Definition, Not, conditions, named_segments, parse
from app.domain.segments.models import Segment

MOST_IN_ALL = 500  # conditions, those of the segments it names included


def check(session: Session, raw: object, *, own_id: UUID | None = None) -> Definition:
    """Read and check a definition; values come back in their normal form. `own_id` is the segment it will belong to.

    Raises Invalid with the path of everything that is wrong.
    """
    definition = parse(raw)
    known = fields.catalogue(session)
    found: list[Issue] = []
    where = _normal(known, definition.where, "where", found)
    found += _references(session, definition, own_id)
    found += _forbidden(session, definition)
    if found:
        raise Invalid(mark("The definition has mistakes."), details=tuple(found))
    return definition.model_copy(update={"where": where})


def _normal(known: fields.Catalogue, node: Any, path: str, found: list[Issue]) -> Any:
    if isinstance(node, AllOf):
        parts = tuple(_normal(known, part, f"{path}.all[{n}]", found) for n, part in enumerate(node.all))
        return AllOf.model_construct(all=parts)
    if isinstance(node, AnyOf):
        parts = tuple(_normal(known, part, f"{path}.any[{n}]", found) for n, part in enumerate(node.any))
        return AnyOf.model_construct(any=parts)
    if isinstance(node, Not):
        return Not.model_construct(inner=_normal(known, node.inner, f"{path}.not", found))
    try:
        return node.checked(known)
    except Unfit as unfit:
        found.append(Issue(f"{path}.{unfit.place}", unfit.message, unfit.values or None))
        return node


def _forbidden(session: Session, definition: Definition) -> list[Issue]:
    """Whoever may not see a fact may not find it out by counting who has it."""
    by = actor_of(session)
    return [
        Issue(path, mark("You may not do this. It needs the permission “%(permission)s”."), {"permission": needed})
        for condition, path in conditions(definition)
        if (needed := condition.permission) and not by.may(needed)
    ]


def _references(session: Session, definition: Definition, own_id: UUID | None) -> list[Issue]:
    """A segment that is named must exist and lead nowhere back; all of them together must stay of a bearable size."""
    found, total = [], sum(1 for _ in conditions(definition))
    for condition, path in conditions(definition):
        for named in condition.segments:
            place, inner = f"{path}.segment", _one(session, named)
            if inner is None:
                found.append(Issue(place, mark("There is no such segment.")))
            elif own_id is not None and own_id in {named, *reached(session, inner)}:
                found.append(Issue(place, mark("The segment would contain itself.")))
            else:
                total += weight(session, inner)
    if total > MOST_IN_ALL:
        said = mark("With the segments it names it has too many conditions: %(most)s at most.")
        found.append(Issue("where", said, {"most": MOST_IN_ALL}))
    return found


def _one(session: Session, segment_id: UUID) -> Definition | None:
    query = select(Segment).where(Segment.id == segment_id, Segment.archived_at.is_(None))
    segment = session.execute(query).scalar_one_or_none()
    return encryption.opened(session, segment) if segment else None


def reached(session: Session, definition: Definition) -> set[UUID]:
    """Every segment a definition needs, directly or through others."""
    found: set[UUID] = set()
    waiting = named_segments(definition)
    while waiting:
        segment_id = waiting.pop()
        if segment_id in found:
            continue
        found.add(segment_id)
        inner = _one(session, segment_id)
        waiting += named_segments(inner) if inner else []
    return found


def weight(session: Session, definition: Definition, most: int = MOST_IN_ALL) -> int:
    """How many conditions a definition has when those of the segments it names are written out."""
    total = 0
    for condition, _ in conditions(definition):
        total += 1
        for inner in (_one(session, named) for named in condition.segments if total < most):
            total += weight(session, inner, most - total) if inner else 0
        if total > most:
            break
    return total
