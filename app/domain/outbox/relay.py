"""Relay outbox rows to their consumers, each in its own transaction, again later when one fails."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import DomainError
from app.core.unit import savepoint
from app.domain.outbox.models import OutboxDelivery, OutboxEvent

Consumer = Callable[[Session, OutboxEvent], None]


def relay_one(session: Session, consumers: Mapping[str, Consumer]) -> bool:
    """Deliver one due row of the session's organisation; False if none is due. The caller commits.

    A consumer's DomainError is kept on the row and tried again with growing pauses; its changes are undone.
    """
    row = session.execute(
        select(OutboxDelivery, OutboxEvent)
        .join(OutboxEvent, OutboxEvent.id == OutboxDelivery.event_id)
        .where(OutboxDelivery.done_at.is_(None), OutboxDelivery.due_at <= clock.now())
        .order_by(OutboxDelivery.due_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=OutboxDelivery)
    ).one_or_none()
    if row is None:
        return False
    delivery, event = row
    delivery.attempts += 1
    try:
        with savepoint(session):
            consumers[delivery.consumer](session, event)
    except DomainError as broke:
        delivery.last_error = f"{broke.code}: {broke}"
        delivery.due_at = clock.now() + timedelta(seconds=min(10 * 2**delivery.attempts, 3600))
        if delivery.attempts >= 12:
            delivery.done_at = clock.now()
    else:
        delivery.done_at = clock.now()
    return True


def is_due(session: Session) -> bool:
    """True if somebody still has to be told something."""
    late = exists().where(OutboxDelivery.done_at.is_(None), OutboxDelivery.due_at <= clock.now())
    return bool(session.execute(select(late)).scalar())
