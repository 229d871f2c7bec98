"""A part of the trail that is taken out of the house, with the links of the chain it hangs in."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.domain.audit.models import AuditEntry


def entries(session: Session, subjects: Sequence[tuple[str, UUID]], *, by: Actor) -> list[AuditEntry]:
    """Everything that was done to some subjects, oldest first. Raises Forbidden."""
    require(by, "audit:read")
    named = [(kind, str(one)) for kind, one in subjects]
    query = select(AuditEntry).where(tuple_(AuditEntry.subject_kind, AuditEntry.subject_id).in_(named))
    return list(session.execute(query.order_by(AuditEntry.seq)).scalars())


def links(session: Session, first: int, last: int, *, by: Actor) -> Iterator[tuple[int, str, str]]:
    """The chain from one entry to another without what was done: number, digest of the entry before, own digest."""
    require(by, "audit:read")
    query = select(AuditEntry.seq, AuditEntry.previous, AuditEntry.hash).where(AuditEntry.seq.between(first, last))
    stream = session.execute(query.order_by(AuditEntry.seq).execution_options(yield_per=2000))
    return ((row.seq, row.previous.hex(), row.hash.hex()) for row in stream)
