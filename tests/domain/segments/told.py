"""What the workers do, here in one transaction: tell the segments what happened, and let them catch up."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import nouns
from app.domain.outbox.models import OutboxDelivery, OutboxEvent
from app.domain.segments import freshness, members
from app.domain.segments.models import Segment


def tell_all(session: Session) -> None:
    """Tell the segments what happened, in the order in which it did."""
    heard = {consumer.name: consumer for consumer in nouns.every(lambda noun: noun.hears)}
    waiting = select(OutboxDelivery, OutboxEvent).join(OutboxEvent, OutboxEvent.id == OutboxDelivery.event_id)
    mine = OutboxDelivery.consumer.startswith("segments."), OutboxDelivery.done_at.is_(None)
    for delivery, event in session.execute(waiting.where(*mine).order_by(OutboxEvent.id)).all():
        consumer = heard[delivery.consumer]
        consumer.tell(session, consumer.kind.model_validate({**event.payload, "subject": event.subject_id}))
        session.delete(delivery)
    session.flush()


def refresh_all(session: Session) -> None:
    """Look again at who was woken, and go through what is due."""
    while freshness.take_some(session):
        pass
    due = select(Segment).where(Segment.due_at.is_not(None)).order_by(Segment.id)
    for segment in session.execute(due).scalars().all():
        members.refresh(session, segment, segment.due_reason or "recount")
