"""The timetable: what it rings, a worker of ours can answer."""

from datetime import UTC, datetime
from importlib import import_module

import pytest
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from app.core import queue
from app.core.settings import Settings
from jobs import runtime, schedule
from tests.conftest import NUMBER, WORKER
from tests.servers.throwaway import Servers


def test_a_worker_can_read_what_the_timetable_rings(settings: Settings) -> None:
    redis = queue.connection(settings.redis_url)
    timetable = schedule.scheduler(redis)
    for bell in timetable._cron_jobs:
        ours = Queue(bell.queue_name, connection=redis, serializer=JSONSerializer)
        ours.empty()
        bell.enqueue(redis)
        [rung] = ours.jobs
        assert (list(rung.args or ()), rung.kwargs) == ([], {})
        module, _, name = rung.func_name.rpartition(".")
        assert callable(getattr(import_module(module), name))
        ours.empty()
    assert {bell.func_name for bell in timetable._cron_jobs} == {job.value.function for job in schedule.HOURLY}
    assert all(bell.get_next_enqueue_time() for bell in timetable._cron_jobs)


def test_the_upkeep_is_done_when_its_moment_comes(
    servers: Servers, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: the timetable rings, a worker hears it, the work runs through."""
    for name, value in servers.env(f"tests_{WORKER}", redis=NUMBER).items():
        monkeypatch.setenv(name, value)
    runtime.runtime.cache_clear()
    redis = queue.connection(settings.redis_url)
    timetable = schedule.scheduler(redis)
    for bell in timetable._cron_jobs:
        bell.next_enqueue_time = datetime(2020, 1, 1, tzinfo=UTC)
    assert len(timetable.enqueue_jobs()) == len(schedule.HOURLY)
    upkeep = Queue("upkeep", connection=redis, serializer=JSONSerializer)
    worker = SimpleWorker([upkeep], connection=redis, serializer=JSONSerializer)
    worker.log.setLevel("ERROR")
    assert worker.work(burst=True, logging_level="ERROR")
    assert upkeep.failed_job_registry.count == upkeep.count == 0
    runtime.runtime().engine.dispose()
    runtime.runtime.cache_clear()
