"""Door of the upkeep: partitions ahead of time, months that are over for good, and what the nouns have to do once an hour."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core import nouns
from app.core.unit import unit_of_work
from app.domain.events import retention
from jobs.runtime import Runtime, job, runtime, stopping


@job
def run() -> None:
    """Do what is due once an hour."""
    here = runtime()
    with unit_of_work(here.factory, None) as session:
        session.execute(text("SELECT ensure_partitions(3)"))
    with unit_of_work(here.factory, None) as session:
        retention.drop_months(session)
    here.for_each(lambda organisation_id: _tidy(here, organisation_id))


def _tidy(here: Runtime, organisation_id: UUID) -> None:
    """What the nouns have to do, each step in a unit of its own, again while it says that it did something."""
    for step in nouns.every(lambda noun: noun.upkeep):
        did: int | None = 1
        while did and not stopping.is_set():
            did = _do(here, organisation_id, step)


def _do(here: Runtime, organisation_id: UUID, step: Callable[[Session], int | None]) -> int | None:
    with here.unit(organisation_id) as session:
        return step(session)
