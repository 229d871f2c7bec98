"""Jobs and the doorbell that rings for them. RQ is hidden here: PostgreSQL holds the work."""

import logging
from functools import cache
from typing import NamedTuple

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.serializers import JSONSerializer

log = logging.getLogger(__name__)

QUEUES = (
    "campaigns.send",
    "messages.sms",
    "messages.email",
    "flows.execute",
    "webhooks.inbound",
    "imports",
    "reports",
    "bank",
    "segments",
    "outbox",
    "upkeep",
)
ENOUGH = 3  # jobs that wait in a queue


class Job(NamedTuple):
    """Work that is done by a worker: its queue, the function in jobs/ that does it, its time limit in seconds.

    A noun declares its jobs. Their arguments are ids only, as text.
    """

    queue: str
    function: str
    seconds: int


UPKEEP = Job("upkeep", "jobs.upkeep.run", 600)


@cache
def listener(redis_url: str) -> "Redis":
    """The client of those who wait for bells, as long as it takes; one a process and address.

    rq needs bytes, so answers are not decoded.
    """
    return Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=None, health_check_interval=30)


@cache
def connection(redis_url: str) -> "Redis":
    """The client of everybody else: who rings or asks waits two seconds at most, also for a Valkey that accepts and hangs."""
    return _hasty(redis_url)


def _hasty(redis_url: str) -> "Redis":
    return Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=2, health_check_interval=30)


def enqueue_all(redis_url: str, rings: list[tuple[Job, tuple[str, ...]]]) -> None:
    """Ring these bells now. A ring that Redis refuses is logged and dropped: the sweeper rings again."""
    try:
        redis = connection(redis_url)
        for job, ids in rings:
            Queue(job.queue, connection=redis, serializer=JSONSerializer).enqueue(
                job.function, args=ids, job_timeout=job.seconds, result_ttl=0, failure_ttl=7 * 86400
            )
    except RedisError as broke:
        log.warning("the doorbell did not ring; the sweeper will", extra={"reason": type(broke).__name__})


def enqueue_hourly(redis_url: str, job: Job) -> None:
    """Ring a bell unless it was rung within the hour, also by another machine. Rung once more, it does no harm."""
    try:
        is_due = connection(redis_url).set(f"rung:{job.function}", 1, ex=3600, nx=True)
    except RedisError as broke:
        log.warning("the doorbell cannot be reached", extra={"reason": type(broke).__name__})
        return
    if is_due:
        enqueue_all(redis_url, [(job, ())])


def quiet(redis_url: str) -> set[str]:
    """The queues where hardly a job waits: the others need no further ring. None if they cannot be reached."""
    try:
        redis = connection(redis_url)
        return {name for name in QUEUES if Queue(name, connection=redis).count < ENOUGH}
    except RedisError as broke:
        log.warning("the doorbell cannot be reached", extra={"reason": type(broke).__name__})
        return set()


def beat(redis_url: str, name: str) -> None:
    """Say that a process is alive; forgotten after a minute."""
    try:
        connection(redis_url).set(f"alive:{name}", 1, ex=60)
    except RedisError as broke:
        log.warning("a heartbeat was lost", extra={"reason": type(broke).__name__})


def listening(redis_url: str) -> set[str]:
    """The queues that have a worker, and "sweeper" if it lives. Raises RedisError when Valkey does not answer."""
    # A client of its own: to that of any worker it reads about, rq gives its own long time-out.
    with _hasty(redis_url) as redis:
        found = {name for worker in Worker.all(connection=redis) for name in worker.queue_names()}
        return found | ({"sweeper"} if redis.exists("alive:sweeper") else set())
