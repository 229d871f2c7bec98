"""Lanes: what takes long for one organisation does not stand in the way of another.

A queue has one worker, and its bells come one after the other. Here a bell is answered beside the listening, in a lane of its
own for these ids; a bell that rings for a busy lane makes it go round once more, so that nobody is served twice at a time.
"""

import contextvars
import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from jobs.runtime import job, stopping

MOST = 6  # at work at a time, as many as the process has connections; the others wait for their turn
FAIR_SECONDS = 1.0  # that a lane works on while others wait


class Lanes:
    """The lanes of this process."""

    def __init__(self, most: int = MOST) -> None:
        self._lock = threading.Lock()
        self._room = threading.Semaphore(most)
        self._waiting = 0
        self._threads: dict[tuple[object, ...], threading.Thread] = {}
        self._again: set[tuple[object, ...]] = set()

    def go(self, key: tuple[object, ...], act: Callable[[], object]) -> None:
        """Do it in the lane of this key, now or once more when it has been done."""
        with self._lock:
            if key in self._threads:
                self._again.add(key)
                return
            run = functools.partial(contextvars.Context().run, self._drive, key, act)
            thread = self._threads[key] = threading.Thread(target=run, daemon=True, name=str(key[0]))
        thread.start()

    def _drive(self, key: tuple[object, ...], act: Callable[[], object]) -> None:
        while True:
            self._take_turn(act)
            with self._lock:
                if key not in self._again or stopping.is_set():
                    self._again.discard(key)
                    del self._threads[key]
                    return
                self._again.discard(key)

    def _take_turn(self, act: Callable[[], object]) -> None:
        with self._lock:
            self._waiting += 1
        with self._room:
            with self._lock:
                self._waiting -= 1
            if not stopping.is_set():
                act()

    def are_crowded(self) -> bool:
        """True while somebody waits for a lane: who has had his turn makes room."""
        return self._waiting > 0

    def wait(self, seconds: float) -> None:
        """Let the lanes end what they do, for so long at most."""
        until = time.monotonic() + seconds
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


lanes = Lanes()


def turn() -> Callable[[], bool]:
    """A new turn: asked again and again, it says whether the turn is over."""
    fair = time.monotonic() + FAIR_SECONDS
    return lambda: stopping.is_set() or (lanes.are_crowded() and time.monotonic() > fair)


def lane(function: Callable[..., object]) -> Callable[..., None]:
    """A job that is answered in a lane of its own; RQ's time limit does not hold there, it bounds itself."""
    answered = job(function)

    @functools.wraps(function)
    def started(*ids: Any) -> None:
        lanes.go((function.__name__, *map(str, ids)), functools.partial(answered, *ids))

    return started
