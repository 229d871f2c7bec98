"""Door of the outbox: tell everybody who has to be told."""

from time import monotonic
from uuid import UUID

from app.core import nouns
from app.domain.outbox.publish import RELAY_OUTBOX
from app.domain.outbox.relay import relay_one
from jobs.runtime import job, runtime


def seconds() -> float:
    """How long a run goes on: a consumer begun within this time ends before the job's limit."""
    longest = max(consumer.seconds for consumer in nouns.every(lambda noun: noun.hears))
    return RELAY_OUTBOX.seconds - longest - 20


@job
def relay(organisation_id: UUID) -> None:
    """Tell one row a transaction; ring again when there is more than time."""
    here, until = runtime(), monotonic() + seconds()
    known = {consumer.name: consumer for consumer in nouns.every(lambda noun: noun.hears)}
    while relay_one(here.opener(organisation_id), known):
        if monotonic() > until:
            here.enqueue(RELAY_OUTBOX, organisation_id)
            return
