"""What is done every hour: rung once, whoever asks, and a worker of ours can answer."""

import pytest
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from app.core import queue
from app.core.settings import Settings
from jobs import runtime
from tests.conftest import NUMBER, WORKER
from tests.servers.throwaway import Servers


@pytest.fixture
def upkeep(settings: Settings) -> Queue:
    """The queue, as it is when nothing was rung within the hour."""
    redis = queue.connection(settings.redis_url)
    redis.delete(*[f"rung:{job.function}" for job in (queue.UPKEEP,)])
    ours = Queue("upkeep", connection=redis, serializer=JSONSerializer)
    ours.empty()
    return ours


def test_it_is_rung_once_an_hour(settings: Settings, upkeep: Queue) -> None:
    redis = queue.connection(settings.redis_url)
    for _ in range(3):
        queue.enqueue_hourly(settings.redis_url, queue.UPKEEP)
    assert [rung.func_name for rung in upkeep.jobs] == [queue.UPKEEP.function]
    assert 0 < int(redis.ttl(f"rung:{queue.UPKEEP.function}")) <= 3600
    redis.delete(f"rung:{queue.UPKEEP.function}")  # an hour later
    queue.enqueue_hourly(settings.redis_url, queue.UPKEEP)
    assert upkeep.count == 2
    upkeep.empty()


def test_a_doorbell_that_cannot_be_reached_stops_nobody() -> None:
    queue.enqueue_hourly("redis://127.0.0.1:1/0", queue.UPKEEP)


def test_the_upkeep_is_done_when_it_is_rung(
    servers: Servers, settings: Settings, upkeep: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: the bell, a worker that hears it, the work that runs through."""
    for name, value in servers.env(f"tests_{WORKER}", redis=NUMBER).items():
        monkeypatch.setenv(name, value)
    runtime.runtime.cache_clear()
    queue.enqueue_hourly(settings.redis_url, queue.UPKEEP)
    patient = queue.listener(settings.redis_url)  # rq gives its own time-out to the client of a worker
    ours = Queue("upkeep", connection=patient, serializer=JSONSerializer)
    worker = SimpleWorker([ours], connection=patient, serializer=JSONSerializer)
    worker.log.setLevel("ERROR")
    assert worker.work(burst=True, logging_level="ERROR")
    assert upkeep.failed_job_registry.count == upkeep.count == 0
    runtime.runtime().engine.dispose()
    runtime.runtime.cache_clear()
