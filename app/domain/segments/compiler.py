"""A definition becomes one select of contact ids: count, sample, audience, single test and export all wrap the same.

A condition is false, never unknown, for what a contact does not have; its negations (neq, not_in, not_contains, has_none,
not) are true for it. Inside `and` and `or` a NULL may stand for false; only `opposite` has to make it one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Exists, and_, false, not_, or_, select, true
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import live
from app.core.errors import Conflict, mark
from app.core.vault import OrganisationVault
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.consent.models import ConsentState
from app.domain.contacts.models import Contact
from app.domain.segments import encryption, engagement
from app.domain.segments.bucket import in_buckets
from app.domain.segments.comparisons import compare
from app.domain.segments.definition import (
    AllOf,
    AnyOf,
    Consented,
    Definition,
    FieldIs,
    InBucket,
    InSegment,
    Messaged,
    Not,
    children,
)
from app.domain.segments.fields import Catalogue, catalogue
from app.domain.segments.models import Segment

contact = live(Contact)
Predicate = ColumnElement[bool]


@dataclass(frozen=True)
class CompileContext:
    """What a definition is compiled in: the moment, the zone, the fields, and the segments it lies in already."""

    session: Session
    known: Catalogue
    vault: OrganisationVault
    now: datetime
    zone: str
    whose: str = "organisation"
    inside: tuple[UUID, ...] = ()
    opened: dict[UUID, Definition] = field(default_factory=dict)

    def today(self) -> date:
        return clock.today(self.zone)


def compile_context(session: Session) -> CompileContext:
    """The present moment of the session's organisation."""
    return CompileContext(
        session, catalogue(session), vault_of(session), clock.now(), organisation_of(session).timezone
    )


def present() -> Predicate:
    """Contacts that are not deleted."""
    return contact.c.deleted_at.is_(None)


def predicate(session: Session, definition: Definition) -> Predicate:
    """The definition as a condition on `live.contacts`; true or not, possibly NULL."""
    return within(compile_context(session), definition)


def within(around: CompileContext, definition: Definition) -> Predicate:
    """The definition in a setting made before, so that several share one."""
    return _node(_zoned(around, definition), definition.where)


def one(around: CompileContext, definition: Definition, condition: Any) -> Predicate:
    """A single part of a definition."""
    return _node(_zoned(around, definition), condition)


def combined(definition: Definition, found: Mapping[str, Predicate]) -> Predicate:
    """The definition from what each of its conditions, by path, was found to be."""
    return _tree(definition.where, "where", lambda _condition, path: found[path])


def _zoned(around: CompileContext, definition: Definition) -> CompileContext:
    return replace(around, whose=definition.zone)


def _node(around: CompileContext, node: Any) -> Predicate:
    return _tree(node, "where", lambda condition, _path: _condition(around, condition))


def _tree(node: Any, path: str, leaf: Callable[[Any, str], Predicate]) -> Predicate:
    """Groups as and, or and not; each condition as `leaf` says it."""
    parts = [_tree(part, place, leaf) for part, place in children(node, path)]
    if isinstance(node, AllOf):
        return and_(true(), *parts)
    if isinstance(node, AnyOf):
        return or_(false(), *parts)
    return opposite(parts[0]) if isinstance(node, Not) else leaf(node, path)


def opposite(found: Predicate) -> Predicate:
    """Not, where unknown counts as false; an EXISTS stays visible to the planner, which makes an anti-join of it."""
    return not_(found) if isinstance(found, Exists) else found.is_not(true())


def _condition(around: CompileContext, condition: Any) -> Predicate:
    if isinstance(condition, FieldIs):
        info = around.known.get(condition.field)
        if info is None:
            raise Conflict(
                mark("A segment uses the field “%(field)s”, which is no longer there."), field=condition.field
            )
        return compare(around, info, condition)
    if isinstance(condition, Consented):
        return _consented(condition)
    if isinstance(condition, Messaged):
        return engagement.happened(around, condition)
    if isinstance(condition, InSegment):
        found = _segment(around, condition.segment)
        return opposite(found) if condition.op == "not_in" else found
    assert isinstance(condition, InBucket)
    return in_buckets(around.vault, condition.salt, contact.c.id, condition.first, condition.last)


def _consented(condition: Consented) -> Predicate:
    state = live(ConsentState)
    said = select(state.c.contact_id).where(
        state.c.contact_id == contact.c.id, state.c.channel == condition.channel, state.c.purpose == condition.purpose
    )
    if condition.value == "unknown":
        known = said.correlate(contact).exists()
        return known if condition.op == "neq" else not_(known)
    found = said.where(state.c.state == condition.value).correlate(contact).exists()
    return not_(found) if condition.op == "neq" else found


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
