"""The supervisor: imports the stack once, forks a worker per queue and the sweeper, and forks again what dies.

`python -m jobs.worker` runs all; `python -m jobs.worker messages.sms sweeper` runs some, for other machines.
"""

import contextlib
import ctypes
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from app.core import i18n, nouns, queue, trace
from app.core.process import settle
from app.core.queue import QUEUES, UPKEEP
from app.core.settings import BadSetting, Settings
from jobs.lanes import lanes
from jobs.runtime import stopping

log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 8


class Listener(SimpleWorker):
    """An RQ worker in this process. One queue a worker: with two, RQ can lose a job between them.

    The first signal ends it at once: work is in rows, and what was on the wire is in doubt and reconciled.
    """

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """End now if idle, after the running jobs' present step otherwise (jobs end within 30 s)."""
        stopping.set()
        if self.get_current_job_id() is None:
            lanes.wait(_STOP_SECONDS - 1)
            self.register_death()
            os._exit(0)
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def listen(name: str, redis_url: str) -> None:
    """Answer one queue's bells for ever."""
    redis = queue.listener(redis_url)
    own = Queue(name, connection=redis, serializer=JSONSerializer)
    worker = Listener([own], connection=redis, serializer=JSONSerializer, worker_ttl=60, maintenance_interval=30)
    worker.work(logging_level="WARNING")
    lanes.wait(_STOP_SECONDS - 1)


def _sweep(_redis_url: str) -> None:
    from jobs import sweeper

    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    sweeper.run()


def parts(names: list[str]) -> dict[str, Callable[[str], None]]:
    """The processes to run, by name."""
    every: dict[str, Callable[[str], None]] = {name: _listener(name) for name in QUEUES}
    every["sweeper"] = _sweep
    unknown = set(names) - set(every)
    if unknown:
        raise SystemExit(
            f"There is no queue or process called {', '.join(sorted(unknown))}. There are: {', '.join(every)}."
        )
    return {name: every[name] for name in names or every}


def _listener(name: str) -> Callable[[str], None]:
    return lambda redis_url: listen(name, redis_url)


def fork(name: str, part: Callable[[str], None], redis_url: str) -> int:
    """Fork one process; it dies with the supervisor."""
    pid = os.fork()
    if pid:
        return pid
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    queue.listener.cache_clear()
    queue.connection.cache_clear()
    status = 0
    try:
        part(redis_url)
    except (KeyboardInterrupt, SystemExit):
        status = 0
    except BaseException:
        log.exception("a worker process ended", extra={"part": name})
        status = 1
    os._exit(status)


def supervise(names: list[str], redis_url: str) -> None:
    """Keep every process alive until told to stop; one that dies at once is forked again more slowly each time."""
    wanted = parts(names)
    for job in (UPKEEP, *nouns.every(lambda noun: noun.jobs)):
        if job.queue in wanted:
            importlib.import_module(job.function.rpartition(".")[0])
    i18n.warm()
    settle()
    watch(wanted, {fork(name, part, redis_url): (name, time.monotonic()) for name, part in wanted.items()}, redis_url)


def watch(wanted: dict[str, Callable[[str], None]], alive: dict[int, tuple[str, float]], redis_url: str) -> None:
    """Wait for the processes; `alive` is {pid: (name, when it was forked)}. Returns when all have been stopped."""
    stopping = False

    def stop(_signum: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        for pid in list(alive):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        signal.alarm(_STOP_SECONDS)

    def give_up(_signum: int, _frame: FrameType | None) -> None:
        for pid in list(alive):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGALRM, give_up)
    while alive:
        pid, _status = os.waitpid(-1, 0)
        name, since = alive.pop(pid, ("", 0.0))
        if name and not stopping:
            log.warning("a process ended and is started again", extra={"part": name})
            time.sleep(1.0 if time.monotonic() - since < 5 else 0.0)
            alive[fork(name, wanted[name], redis_url)] = (name, time.monotonic())


def main() -> None:
    """The command line."""
    trace.log_to_stderr()
    try:
        settings = Settings.from_env()
    except BadSetting as broke:
        raise SystemExit(str(broke)) from None
    supervise(sys.argv[1:], settings.redis_url)


if __name__ == "__main__":
    main()
