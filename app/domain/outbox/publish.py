"""Tell upward: one row for what happened and one for each consumer, in the same transaction."""

from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.core import clock
from app.core.queue import Job
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.outbox.models import OutboxDelivery, OutboxEvent

# Who must hear of what. The functions behind the names stand in jobs/outbox.py, the only place that knows both sides.
CONSUMERS: dict[str, tuple[str, ...]] = {
    "send.drained": ("campaigns.drained",),
    "contacts.changed": ("segments.recount",),
}


def publish(session: Session, kind: str, subject_id: UUID, payload: dict[str, object] | None = None) -> None:
    """Note that something happened; nothing is written when nobody listens to this kind."""
    consumers = CONSUMERS.get(kind, ())
    if not consumers:
        return
    organisation_id = actor_of(session).organisation_id
    event = OutboxEvent(
        organisation_id=organisation_id, kind=kind, subject_id=subject_id, payload=payload or {}, created_at=clock.now()
    )
    session.add(event)
    session.flush()
    session.execute(
        insert(OutboxDelivery),
        [
            {"organisation_id": organisation_id, "event_id": event.id, "consumer": c, "due_at": clock.now()}
            for c in consumers
        ],
    )
    enqueue_after_commit(session, Job.RELAY_OUTBOX, organisation_id)
