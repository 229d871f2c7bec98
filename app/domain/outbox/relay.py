"""Relay outbox rows to their consumers, each in its own transaction, again later when one fails."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import DomainError
from app.core.nouns import Consumer
from app.core.sql import changed
from app.domain.outbox.models import OutboxDelivery, OutboxEvent

log = logging.getLogger(__name__)
TRIES = 12
KEPT = timedelta(days=30)
LEASE = 300  # seconds a try has to itself, more than a job may last
_Open = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True)
class _Try:
    """A try that has been counted: until `lease` the rows are its own."""

    event_ids: list[int]
    consumer: str
    attempts: int
    lease: datetime


def relay_one(open_unit: _Open, consumers: Mapping[str, Consumer[Any]]) -> bool:
    """Deliver what is due longest of the organisation's rows; False if nothing is due.

    The try is counted in a unit of its own, before the work: a consumer that breaks or takes its worker along has had
    it, and the rows behind it come next. A DomainError is kept on the row; the pauses grow.
    """
    with open_unit() as session:
        begun = _begin(session, consumers)
    if begun is None:
        return False
    if begun.attempts > TRIES:
        return True
    try:
        with open_unit() as session:
            _tell(session, begun, consumers[begun.consumer])
    except DomainError as broke:
        with open_unit() as session:
            pause = timedelta(seconds=min(10 * 2**begun.attempts, 3600))
            _mark(session, begun, due_at=clock.now() + pause, last_error=f"{broke.code}: {broke}")
    return True


def _begin(session: Session, consumers: Mapping[str, Consumer[Any]]) -> _Try | None:
    now = clock.now()
    due = select(OutboxDelivery).where(OutboxDelivery.done_at.is_(None), OutboxDelivery.due_at <= now)
    due = due.order_by(OutboxDelivery.due_at).with_for_update(skip_locked=True)
    first = session.execute(due.limit(1)).scalar_one_or_none()
    if first is None:
        return None
    rows, consumer = [first], consumers.get(first.consumer)
    if consumer and consumer.once_for_all and first.attempts < TRIES:
        alike = due.where(OutboxDelivery.consumer == first.consumer, OutboxDelivery.attempts < TRIES)
        rows = list(session.execute(alike.limit(1000)).scalars())
    lease = now + timedelta(seconds=LEASE)
    for row in rows:
        row.attempts += 1
        row.due_at = lease
    if first.attempts > TRIES:
        first.done_at, first.last_error = now, first.last_error or "no try came to its end"
        log.error("an outbox row is given up", extra={"event": first.event_id, "consumer": first.consumer})
    return _Try([row.event_id for row in rows], first.consumer, first.attempts, lease)


def _tell(session: Session, begun: _Try, consumer: Consumer[Any]) -> None:
    """Do the work and close the rows; nothing when somebody else has them by now."""
    if _mark(session, begun, done_at=clock.now()):
        event = session.get_one(OutboxEvent, begun.event_ids[-1])
        consumer.tell(session, consumer.kind.model_validate({**event.payload, "subject": event.subject_id}))


def _mark(session: Session, begun: _Try, **values: object) -> int:
    rows = update(OutboxDelivery).where(
        OutboxDelivery.consumer == begun.consumer,
        OutboxDelivery.event_id.in_(begun.event_ids),
        OutboxDelivery.done_at.is_(None),
        OutboxDelivery.due_at == begun.lease,
    )
    return changed(session, rows.values(values))


def forget_old(session: Session) -> int:
    """Drop what everybody has been told of for KEPT; how many rows."""
    told = OutboxDelivery.done_at < clock.now() - KEPT
    told_all = ~exists().where(OutboxDelivery.event_id == OutboxEvent.id)
    old = OutboxEvent.created_at < clock.now() - KEPT
    return changed(session, delete(OutboxDelivery).where(told)) + changed(
        session, delete(OutboxEvent).where(old, told_all)
    )


def is_due(session: Session) -> bool:
    """True if somebody still has to be told something."""
    late = exists().where(OutboxDelivery.done_at.is_(None), OutboxDelivery.due_at <= clock.now())
    return bool(session.execute(select(late)).scalar())
