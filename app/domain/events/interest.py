"""Who waits for which event: told with the event, and taken away with what follows from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import live
from app.core.queue import Job
from app.core.sql import load
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.events.models import EventInterest, EventWake

_SQL = load("events/queries.sql")
_bells: dict[str, Job] = {}


@dataclass(frozen=True)
class Told:
    """An event of a contact that a consumer waited for."""

    event_id: UUID
    contact_id: UUID
    name: str
    properties: dict[str, Any]
    occurred_at: datetime
    is_verified: bool


def answer(consumer: str, job: Job) -> None:
    """Say, in the declaration of a noun, which job takes what is told to a consumer; it takes until nothing is left."""
    _bells[consumer] = job


def listen(session: Session, consumer: str, subject_id: UUID, names: Iterable[str]) -> None:
    """From now on a flow or segment hears of events of these names, and of no others. None: of nothing any more."""
    wanted = sorted(set(names))
    own = EventInterest.consumer == consumer, EventInterest.subject_id == subject_id
    session.execute(delete(EventInterest).where(*own, EventInterest.name.not_in(wanted)))
    row = {"organisation_id": actor_of(session).organisation_id, "consumer": consumer, "subject_id": subject_id}
    if wanted:
        session.execute(insert(EventInterest).on_conflict_do_nothing(), [row | {"name": name} for name in wanted])


def take(session: Session, consumer: str, most: int) -> list[Told]:
    """Take up to `most` events that wait for a consumer, the oldest first, in the transaction of what follows from them.

    Two workers at once take different ones. One event may be taken twice if it was told twice; whoever acts on it knows its id.
    """
    rows = session.execute(_SQL["take"], {"consumer": consumer, "most": most}).all()
    return [
        Told(row.event_id, row.contact_id, row.name, row.properties, row.occurred_at, row.is_verified) for row in rows
    ]


def waiting(session: Session, consumer: str) -> bool:
    """Whether anything waits for a consumer."""
    wakes = live(EventWake).c
    return bool(session.execute(select(exists().where(wakes.consumer == consumer))).scalar())


def ring(session: Session, consumers: Iterable[str]) -> None:
    """Ring for consumers that have been told something."""
    for consumer in consumers:
        if job := _bells.get(consumer):
            enqueue_after_commit(session, job, actor_of(session).organisation_id)
