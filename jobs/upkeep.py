"""Door of the upkeep: partitions ahead of time, requests that expired, keys of old requests, phones nobody has asked yet."""

from uuid import UUID

from sqlalchemy import text

from app.core.unit import unit_of_work
from app.domain.access import idempotency, kept
from app.domain.approvals import decisions
from app.domain.contacts import lines
from jobs.runtime import Runtime, job, runtime, stopping


@job
def run() -> None:
    """Do what is due once an hour."""
    here = runtime()
    with unit_of_work(here.factory, None) as session:
        session.execute(text("SELECT ensure_partitions(3)"))
    here.for_each(lambda organisation_id: _tidy(here, organisation_id))


def _tidy(here: Runtime, organisation_id: UUID) -> None:
    with here.unit(organisation_id) as session:
        decisions.expire(session)
        idempotency.forget_old(session)
        kept.forget_old(session)
    while not stopping.is_set() and _asked(here, organisation_id):
        pass  # the next of them


def _asked(here: Runtime, organisation_id: UUID) -> int:
    with here.unit(organisation_id) as session:
        return lines.ask(session)
