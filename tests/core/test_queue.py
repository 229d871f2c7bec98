"""The doorbell: a Valkey that accepts and hangs holds nobody up for long, and no act fails for it."""

import socket
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker

from app.core import breaker, queue
from app.core.settings import Settings
from app.domain.reports.runs import RUN_REPORT


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of somebody who takes calls and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def watch() -> Iterator[None]:
    """The test takes a few seconds, on a loaded machine a few more; whoever waits for an answer waits for ever."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 30


@pytest.mark.usefixtures("watch")
def test_who_rings_does_not_wait(hanging: str) -> None:
    queue.enqueue_all(hanging, [(RUN_REPORT, (str(uuid4()),))] * 5)


@pytest.mark.usefixtures("watch")
def test_who_asks_for_free_queues_does_not_wait(hanging: str) -> None:
    assert queue.quiet(hanging) == set()


@pytest.mark.usefixtures("watch")
def test_a_heartbeat_does_not_wait(hanging: str) -> None:
    queue.beat(hanging, "sweeper")


@pytest.mark.usefixtures("watch")
def test_who_asks_for_the_workers_is_told_that_nobody_answers(hanging: str) -> None:
    with pytest.raises(RedisError):
        queue.listening(hanging)


@pytest.mark.usefixtures("watch")
def test_the_breaker_lets_calls_through_meanwhile(hanging: str) -> None:
    assert breaker.room(hanging, "carrier")
    assert breaker.record(hanging, "carrier", 0, 1) == ""


def test_asking_for_the_workers_leaves_the_time_limit_of_the_others_alone(settings: Settings) -> None:
    endless = queue.listener(settings.redis_url)
    worker = SimpleWorker([Queue("reports", connection=endless)], connection=endless)
    worker.register_birth()
    try:
        assert "reports" in queue.listening(settings.redis_url)
    finally:
        worker.register_death()
    assert queue.connection(settings.redis_url).connection_pool.connection_kwargs["socket_timeout"] == 2
