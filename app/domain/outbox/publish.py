"""Tell upward: one row for what happened and one for each consumer, in the same transaction."""

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.core import clock, nouns
from app.core.nouns import Happening
from app.core.queue import Job
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.outbox.models import OutboxDelivery, OutboxEvent

RELAY_OUTBOX = Job("outbox", "jobs.outbox.relay", 120)


def publish(session: Session, happening: Happening) -> None:
    """Note that something happened; nothing is written when nobody listens to this kind."""
    consumers = nouns.consumers(nouns.declared()).get(happening.kind, ())
    if not consumers:
        return
    organisation_id = actor_of(session).organisation_id
    event = OutboxEvent(
        organisation_id=organisation_id,
        kind=happening.kind,
        subject_id=happening.subject,
        payload=happening.model_dump(mode="json", exclude={"subject"}),
        created_at=clock.now(),
    )
    session.add(event)
    session.flush()
    session.execute(
        insert(OutboxDelivery),
        [
            {"organisation_id": organisation_id, "event_id": event.id, "consumer": c.name, "due_at": clock.now()}
            for c in consumers
        ],
    )
    enqueue_after_commit(session, RELAY_OUTBOX, organisation_id)
