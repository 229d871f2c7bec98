"""Door of the outbox: the one table that knows who must be told what."""

from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.campaigns import lifecycle
from app.domain.outbox.models import OutboxEvent
from app.domain.outbox.relay import Consumer, relay_one
from app.domain.segments import membership
from jobs.runtime import job, runtime


def _campaign_drained(session: Session, event: OutboxEvent) -> None:
    if event.payload.get("kind") == "campaign":
        lifecycle.complete_if_drained(session, event.subject_id)


def _segments_recount(session: Session, _event: OutboxEvent) -> None:
    membership.recount_all(session)


CONSUMERS: dict[str, Consumer] = {
    "campaigns.drained": _campaign_drained,
    "segments.recount": _segments_recount,
}


@job
def relay(organisation_id: UUID) -> None:
    """Tell everybody who has to be told, one row a transaction."""
    more = True
    while more:
        with runtime().unit(organisation_id) as session:
            more = relay_one(session, CONSUMERS)
