"""The sweeper: every few seconds it rings for everything that is due, so that a lost ring costs seconds and nothing else.

One at a time over all machines, by an advisory lock. It also turns abandoned intents into doubts.
"""

import logging
import time
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.core import queue
from app.core.queue import Job
from app.domain import due
from jobs.runtime import Runtime, runtime

log = logging.getLogger(__name__)
SECONDS = 5
_LOCK = 0x6361_7269  # one sweeper at a time


def sweep(here: Runtime) -> int:
    """Look once over all organisations and ring; how many bells."""
    rings: list[tuple[Job, tuple[str, ...]]] = []
    for organisation_id in here.organisations():
        rings += _sweep_one(here, organisation_id)
    queue.ring_missing(here.settings.redis_url, rings)
    return len(rings)


def _sweep_one(here: Runtime, organisation_id: UUID) -> list[tuple[Job, tuple[str, ...]]]:
    with here.unit(organisation_id) as session:
        due.repair(session)
        return [(job, (str(organisation_id), *ids)) for job, ids in due.bells(session)]


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
                    connection.execute(text("SELECT 1"))
                    connection.commit()
                    queue.beat(runtime().settings.redis_url, "sweeper")
                    time.sleep(SECONDS)
        except SQLAlchemyError as broke:
            log.warning("the sweeper lost the database; trying again", extra={"reason": type(broke).__name__})
            runtime().engine.dispose()
            time.sleep(1)
