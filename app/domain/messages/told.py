"""What happens to messages is told to whoever waits for it: a row a happening, and none where nobody does.

A send knows what is waited for of its messages (`tells`): whoever records something need not ask who listens.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, insert, or_, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.pipeline import Step
from app.core.queue import Job
from app.core.sql import changed, load
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.messages import reference
from app.domain.messages.models import MessageInterest, MessageWake, Send

_SQL = load("messages/told.sql")
REPLIED, FAILED = "replied", "failed"
SAID_AT_ONCE, SAID_LATER = ("sent", "failed"), ("delivered", "failed", "bounced")  # in the answer, by a receipt
_bells: list[Job] = []


@dataclass(frozen=True)
class Told:
    """Something that happened to a message of a source; a reply is to no message."""

    contact_id: UUID
    occurrence_id: UUID | None
    source_id: UUID | None
    reply_id: UUID | None
    did: str
    at: datetime


def answer(job: Job) -> None:
    """Say, in the declaration of a noun, which job takes what is told."""
    _bells.append(job)


def listen(session: Session, subject_id: UUID, heard: Iterable[tuple[UUID | None, str]]) -> None:
    """From now on a subject hears of these and of nothing else: a source, or any, and what its messages did."""
    session.execute(delete(MessageInterest).where(MessageInterest.subject_id == subject_id))
    own = {"organisation_id": actor_of(session).organisation_id, "subject_id": subject_id}
    for source_id, did in heard:
        session.execute(insert(MessageInterest).values(**own, source_id=source_id, did=did))
        session.execute(_SQL["listen"], {"source": source_id, "did": did})


def wanted(session: Session, source_id: UUID) -> list[str] | None:
    """What a new send of a source has to tell; None for nothing."""
    of_it = or_(MessageInterest.source_id == source_id, MessageInterest.source_id.is_(None))
    return sorted(set(session.execute(select(MessageInterest.did).where(of_it)).scalars())) or None


def tell(session: Session, messages: Sequence[tuple[UUID, UUID]], dids: Sequence[str]) -> None:
    """Tell of messages (occurrence, id) what is waited for, of what may be new of them."""
    if messages and is_listened_to(session):
        statement, values = step(messages, dids)
        if changed(session, statement, values):
            _ring(session)


def step(messages: Sequence[tuple[UUID, UUID]], dids: Sequence[str]) -> Step:
    """The same as a step of a pipeline; the sweeper rings for it."""
    return _SQL["tell"], {"now": clock.now(), "dids": list(dids), **reference.keys(messages)}


def replied(session: Session, contact_id: UUID, reply_id: UUID) -> None:
    """Somebody answered."""
    listened = or_(
        exists().where(Send.tells.contains([REPLIED])), exists().where(MessageInterest.did == REPLIED)
    )  # fmt: skip
    if session.execute(select(listened)).scalar():
        wake = {"contact_id": contact_id, "reply_id": reply_id, "did": REPLIED, "at": clock.now()}
        session.execute(insert(MessageWake).values(organisation_id=actor_of(session).organisation_id, **wake))
        _ring(session)


def is_listened_to(session: Session) -> bool:
    """True if any send tells anything: a look into an index that is empty otherwise."""
    return bool(session.execute(select(exists().where(Send.tells.is_not(None)))).scalar())


def take(session: Session, most: int) -> list[Told]:
    """Take up to so many, the oldest first, in the transaction of what follows from them."""
    return [Told(**row) for row in session.execute(_SQL["take"], {"most": most}).mappings()]


def waiting(session: Session) -> bool:
    """Whether anything was told and not taken."""
    return bool(session.execute(select(exists(select(MessageWake.id)))).scalar())


def _ring(session: Session) -> None:
    for job in _bells:
        enqueue_after_commit(session, job, actor_of(session).organisation_id)
