"""The sweeper: every few seconds it rings for everything that is due, so that a lost ring costs seconds and nothing else.

One at a time over all machines, by an advisory lock. What waits, and what is swept up meanwhile (abandoned intents, texts out
of date), the nouns declare. It also rings for what is done every hour.
"""

import logging
import time
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core import nouns, queue
from app.core.queue import UPKEEP, Job
from app.demo import months
from jobs.runtime import Runtime, runtime

log = logging.getLogger(__name__)
SECONDS = 5
_LOCK = 0x6361_7269  # one sweeper at a time


def sweep(here: Runtime) -> int:
    """Look once over all organisations and ring for each at once, where not enough has been rung already; how many bells."""
    quiet, rung = queue.quiet(here.settings.redis_url), 0

    def one(organisation_id: UUID) -> None:
        nonlocal rung
        rings = [ring for ring in _sweep_one(here, organisation_id) if ring[0].queue in quiet]
        queue.enqueue_all(here.settings.redis_url, rings)
        rung += len(rings)

    here.for_each(one)
    return rung


def _sweep_one(here: Runtime, organisation_id: UUID) -> list[tuple[Job, tuple[str, ...]]]:
    own = str(organisation_id)
    with here.unit(organisation_id) as session:
        for sweep_up in nouns.every(lambda noun: noun.sweeps):
            sweep_up(session)
        months.go_on(session)
        rings: list[tuple[Job, tuple[str, ...]]] = []
        for waiting in nouns.every(lambda noun: noun.waits):
            found = waiting.ask(session)
            if found is True:
                rings.append((waiting.job, (own,)))
            elif found:
                rings += [(waiting.job, (own, str(one))) for one in found]
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
                    queue.enqueue_hourly(runtime().settings.redis_url, UPKEEP)
                    connection.execute(text("SELECT 1"))
                    connection.commit()
                    queue.beat(runtime().settings.redis_url, "sweeper")
                    time.sleep(SECONDS)
        except SQLAlchemyError as broke:
            log.warning("the sweeper lost the database; trying again", extra={"reason": type(broke).__name__})
            runtime().engine.dispose()
            time.sleep(1)
