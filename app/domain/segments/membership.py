"""Who is in a segment now: counts, a sample, the audience of several segments, and the sizes shown in lists."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, func, or_, select, true
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.db import live
from app.core.errors import NotFound, Unavailable, mark
from app.core.page import Ask, Page, fetch
from app.core.unit import savepoint
from app.domain.contacts.models import GroupMember
from app.domain.segments import compiler, encryption
from app.domain.segments.context import CompileContext, contact, opposite
from app.domain.segments.definition import Definition, conditions
from app.domain.segments.models import Segment

PATIENCE = 10  # seconds somebody waits for a count
BUDGET = 60  # seconds that going through a segment may take, well within a job
MEMORY = "128MB"  # for the hash of a million people who opened something;
_CANCELED = "57014"
SHOWN: tuple[ColumnElement[Any], ...] = (
    contact.c.id, contact.c.external_id, contact.c.status, contact.c.language, contact.c.city, contact.c.created_at,
)  # fmt: skip


@dataclass(frozen=True)
class Numbers:
    """How many a definition matches, out of how many, and how many each condition matches by itself."""

    matched: int
    everybody: int
    by_condition: dict[str, int]

    @property
    def share(self) -> float:
        return self.matched / self.everybody if self.everybody else 0.0


@contextmanager
def in_time(session: Session, seconds: int = PATIENCE, more: Mapping[str, str] | None = None) -> Iterator[None]:
    """Let nothing inside take longer, but more memory; the transaction goes on afterwards. Raises Unavailable.

    `more` are settings of the database that hold inside, too.
    """
    limits = {"statement_timeout": f"{seconds}s", "work_mem": MEMORY, **(more or {})}
    before = dict(zip(limits, session.execute(select(*map(func.current_setting, limits))).one(), strict=True))
    try:
        with savepoint(session):
            _allow(session, limits)
            yield
            _allow(session, before)
    except OperationalError as broke:
        if getattr(broke.orig, "sqlstate", "") != _CANCELED:
            raise
        raise Unavailable(
            mark("Counting takes too long. Make the conditions simpler, or narrow them down with a first one.")
        ) from None


def _allow(session: Session, limits: Mapping[str, str]) -> None:
    session.execute(select(*[func.set_config(name, value, True) for name, value in limits.items()]))


def count(session: Session, definition: Definition) -> int:
    """How many contacts a definition matches. Raises Unavailable if it takes too long."""
    query = select(func.count()).select_from(contact).where(compiler.present(), compiler.predicate(session, definition))
    with in_time(session):
        return int(session.execute(query).scalar_one())


def numbers(session: Session, definition: Definition) -> Numbers:
    """All the numbers the builder shows, in one pass over the contacts. Raises Unavailable if it takes too long."""
    around, parts = compiler.compile_context(session), list(conditions(definition))
    below = _worked_out([compiler.one(around, definition, condition) for condition, _ in parts])
    found = {path: below.c[n] for n, (_, path) in enumerate(parts)}
    with in_time(session):
        whole = compiler.combined(definition, found)
        matched, everybody, *alone = _counted(session, below, [whole, true(), *found.values()])
    return Numbers(matched, everybody, dict(zip(found, alone, strict=True)))


def combinations(session: Session, segment_ids: Sequence[UUID]) -> dict[tuple[bool, ...], int]:
    """How many there are of every combination of these segments: in it or not, one after the other.

    Raises NotFound, Unavailable if it takes too long.
    """
    around = compiler.compile_context(session)
    below = _worked_out([_predicate(around, one) for one in segment_ids])
    held = [one.is_(true()) for one in below.c]
    with in_time(session):
        rows = session.execute(select(*held, func.count()).select_from(below).group_by(*held)).all()
    return {tuple(row[:-1]): int(row[-1]) for row in rows}


def _worked_out(wanted: Sequence[ColumnElement[bool]]) -> Subquery:
    """One row a contact, one column a condition, each worked out once.

    OFFSET 0 keeps the planner from lifting the conditions into the aggregates above: there an EXISTS is looked up row by
    row, because an aggregate promises one row; here it becomes one hash (200,000 contacts: 0.6 s instead of 8 s).
    """
    columns = [one.label(f"holds_{n}") for n, one in enumerate(wanted)] or [true().label("holds")]
    return select(*columns).select_from(contact).where(compiler.present()).offset(0).subquery()


def _counted(session: Session, below: Subquery, wanted: Iterable[ColumnElement[bool]]) -> list[int]:
    """How many rows of `below` each holds for."""
    row = session.execute(select(*[func.count().filter(one) for one in wanted]).select_from(below)).one()
    return [int(number) for number in row]


def sample(session: Session, definition: Definition, most: int = 5) -> Sequence[Row[Any]]:
    """A few of the contacts, without personal data: id, external_id, status, language, city, created_at.

    Raises Unavailable if it takes too long.
    """
    query = select(*SHOWN).where(compiler.present(), compiler.predicate(session, definition))
    with in_time(session):
        return session.execute(query.order_by(contact.c.id).limit(most)).all()


def contacts(session: Session, segment: Segment, ask: Ask, *, by: Actor) -> Page[Row[Any]]:
    """A page of a segment's contacts, oldest first, without personal data."""
    require(by, "contacts:read")
    found = compiler.predicate(session, encryption.opened(session, segment))
    return fetch(session, select(*SHOWN).where(compiler.present(), found), [contact.c.id], ask)


def audience(
    session: Session,
    include: list[UUID],
    exclude: list[UUID],
    *,
    groups: Sequence[UUID] = (),
    pinned: Mapping[UUID, Definition] | None = None,
) -> Select[Any]:
    """The ids of everybody in any segment of `include` or any of `groups` (in neither: of everybody), without those of `exclude`.

    The definitions of `pinned` are used in place of the present ones. Whoever is deleted is never among them. Raises NotFound.
    """
    around = replace(compiler.compile_context(session), opened=dict(pinned or {}))
    either = [*(_predicate(around, i) for i in include), *([_in_any(groups)] if groups else [])]
    wanted = or_(*either) if either else true()
    left_out = [opposite(_predicate(around, i)) for i in exclude]
    return select(contact.c.id).where(compiler.present(), and_(wanted, *left_out))


def _in_any(groups: Sequence[UUID]) -> ColumnElement[bool]:
    member = live(GroupMember).c
    return contact.c.id.in_(select(member.contact_id).where(member.group_id.in_(groups)))


def _predicate(around: CompileContext, segment_id: UUID) -> ColumnElement[bool]:
    if segment_id not in around.opened:
        segment = around.session.get(Segment, segment_id)
        if segment is None:
            raise NotFound(mark("There is no such segment."))
        around.opened[segment_id] = encryption.opened(around.session, segment)
    return compiler.within(around, around.opened[segment_id])


def recount(session: Session, segment: Segment) -> None:
    """Count a segment and note when; one that takes too long has no size."""
    session.flush()
    try:
        segment.size = count(session, encryption.opened(session, segment))
    except Unavailable:
        segment.size = None
    segment.counted_at = clock.now()
    session.flush()
