"""Door of the outbox: the one table that knows who must be told what."""

from time import monotonic
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.queue import Job
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
    "campaigns.drained": Consumer(_campaign_drained),
    "segments.recount": Consumer(_segments_recount, once_for_all=True),
}
# A recount may take membership.BUDGET: begun within this time it ends before the job's limit.
SECONDS = Job.RELAY_OUTBOX.value.seconds - membership.BUDGET - 20


@job
def relay(organisation_id: UUID) -> None:
    """Tell everybody who has to be told, one row a transaction; ring again when there is more than time."""
    here = runtime()
    until = monotonic() + SECONDS
    while relay_one(here.opener(organisation_id), CONSUMERS):
        if monotonic() > until:
            here.enqueue(Job.RELAY_OUTBOX, organisation_id)
            return
