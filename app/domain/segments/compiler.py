"""A definition becomes one select of contact ids: count, sample, audience, single test and export all wrap the same.

A condition is false, never unknown, for what a contact does not have; its negations (neq, not_in, not_contains, has_none,
not) are true for it. Inside `and` and `or` a NULL may stand for false; only `opposite` has to make it one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, any_, cast, false, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Conflict, mark
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.segments import encryption
from app.domain.segments.condition import Condition
from app.domain.segments.context import CompileContext, Predicate, contact, opposite
from app.domain.segments.definition import AllOf, AnyOf, Definition, Not, children
from app.domain.segments.fields import catalogue
from app.domain.segments.models import Segment


def compile_context(session: Session) -> CompileContext:
    """The present moment of the session's organisation."""
    organisation = organisation_of(session)  # held here, so that those below do not ask for it again
    return CompileContext(session, catalogue(session), vault_of(session), clock.now(), organisation.timezone, _segment)


def present() -> Predicate:
    """Contacts that are not deleted."""
    return contact.c.deleted_at.is_(None)


def predicate(session: Session, definition: Definition) -> Predicate:
    """The definition as a condition on `live.contacts`; true or not, possibly NULL."""
    return within(compile_context(session), definition)


def within(around: CompileContext, definition: Definition) -> Predicate:
    """The definition in a setting made before, so that several share one."""
    return _node(_zoned(around, definition), definition.where)


def holding(found: Predicate, contact_ids: Sequence[UUID]) -> Select[Any]:
    """The ids of those of some contacts for whom a condition holds; of deleted ones never."""
    ids = cast(list(contact_ids), ARRAY(PgUuid(as_uuid=True)))
    return select(contact.c.id).where(contact.c.id == any_(ids), present(), found)


def one(around: CompileContext, definition: Definition, condition: Any) -> Predicate:
    """A single part of a definition."""
    return _node(_zoned(around, definition), condition)


def combined(definition: Definition, found: Mapping[str, Predicate]) -> Predicate:
    """The definition from what each of its conditions, by path, was found to be."""
    return _tree(definition.where, "where", lambda _condition, path: found[path])


def _zoned(around: CompileContext, definition: Definition) -> CompileContext:
    return replace(around, whose=definition.zone)


def _node(around: CompileContext, node: Any) -> Predicate:
    return _tree(node, "where", lambda condition, _path: condition.compile(around))


def _tree(node: Any, path: str, leaf: Callable[[Condition, str], Predicate]) -> Predicate:
    """Groups as and, or and not; each condition as `leaf` says it."""
    parts = [_tree(part, place, leaf) for part, place in children(node, path)]
    if isinstance(node, AllOf):
        return and_(true(), *parts)
    if isinstance(node, AnyOf):
        return or_(false(), *parts)
    return opposite(parts[0]) if isinstance(node, Not) else leaf(node, path)


def _segment(around: CompileContext, segment_id: UUID) -> Predicate:
    """The other segment's own conditions, written out here: the planner then sees all of them at once."""
    if segment_id in around.inside:
        raise Conflict(mark("A segment contains itself. Change one of the segments it names."))
    if segment_id not in around.opened:
        around.opened[segment_id] = _definition(around.session, segment_id)
    inner = around.opened[segment_id]
    below = replace(around, whose=inner.zone, inside=(*around.inside, segment_id))
    return _node(below, inner.where)


def _definition(session: Session, segment_id: UUID) -> Definition:
    segment = session.get(Segment, segment_id)
    if segment is None:
        raise Conflict(mark("A segment that is used here is no longer there."))
    return encryption.opened(session, segment)
