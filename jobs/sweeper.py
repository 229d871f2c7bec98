"""The sweeper: every few seconds it rings for everything that is due, so that a lost ring costs seconds and nothing else.

One at a time over all machines, by an advisory lock. It also turns abandoned intents into doubts,
anchors the audit chains, and rings for what is done every hour.
"""

import logging
import time
from collections.abc import Callable
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core import queue
from app.core.queue import Job
from app.domain.audit import anchors
from app.domain.campaigns import launch
from app.domain.messages import receipts, reconcile, sends
from app.domain.notices import deliver
from app.domain.outbox import relay
from app.domain.reports import runs
from app.domain.transfer import imports
from jobs.runtime import Runtime, runtime

log = logging.getLogger(__name__)
SECONDS = 5
_LOCK = 0x6361_7269  # one sweeper at a time


def sweep(here: Runtime) -> int:
    """Look once over all organisations and ring for each at once, where not enough has been rung already; how many bells."""
    quiet, rung = queue.quiet(here.settings.redis_url), 0

    def one(organisation_id: UUID) -> None:
        nonlocal rung
        rings = [ring for ring in _sweep_one(here, organisation_id) if ring[0].value.queue in quiet]
        queue.enqueue_all(here.settings.redis_url, rings)
        rung += len(rings)

    here.for_each(one)
    return rung


# Whether something waits, asked of every noun that leaves work in rows.
WAITING: dict[Job, Callable[[Session], bool]] = {
    Job.APPLY_RECEIPTS: receipts.are_waiting,
    Job.RECONCILE: reconcile.are_waiting,
    Job.RELAY_OUTBOX: relay.is_due,
    Job.DELIVER_NOTICES: deliver.is_due,
}
# What waits, where a bell is rung for each thing.
EACH: dict[Job, Callable[[Session], list[UUID]]] = {
    Job.LAUNCH_CAMPAIGN: launch.due,
    Job.RUN_IMPORT: imports.waiting,
    Job.RUN_REPORT: runs.waiting,
}


HOURLY = (Job.UPKEEP,)  # for all organisations together


def _sweep_one(here: Runtime, organisation_id: UUID) -> list[tuple[Job, tuple[str, ...]]]:
    own = str(organisation_id)
    with here.unit(organisation_id) as session:
        reconcile.doubt_abandoned(session)
        anchors.keep(session)
        sends.expire_late(session)
        sends.close_drained(session)
        rings: list[tuple[Job, tuple[str, ...]]] = [
            (sends.JOB[channel], (own,)) for channel in sends.due_channels(session)
        ]
        rings += [(job, (own,)) for job, waits in WAITING.items() if waits(session)]
        rings += [(job, (own, str(i))) for job, waiting in EACH.items() for i in waiting(session)]
    return rings


def run() -> None:
    """Sweep for ever; a database that does not answer is tried again, the process never ends by itself."""
    while True:
        try:
            with runtime().engine.connect() as connection:
                while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}).scalar():
                    connection.rollback()
                    time.sleep(SECONDS)
                connection.commit()
                while True:
                    sweep(runtime())
                    for job in HOURLY:
                        queue.enqueue_hourly(runtime().settings.redis_url, job)
                    connection.execute(text("SELECT 1"))
                    connection.commit()
                    queue.beat(runtime().settings.redis_url, "sweeper")
                    time.sleep(SECONDS)
        except SQLAlchemyError as broke:
            log.warning("the sweeper lost the database; trying again", extra={"reason": type(broke).__name__})
            runtime().engine.dispose()
            time.sleep(1)
