"""What the kernel knows about processes: who lives, since when, in which session; asked of /proc."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
ZOMBIE = "Z"


@dataclass(frozen=True)
class Seen:
    """One process as /proc shows it; started is in clock ticks since boot, so pid and started never come again."""

    pid: int
    state: str
    session: int
    started: int


def look(pid: int) -> Seen | None:
    """The living process with this number; None for the dead and for zombies."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # the name in brackets may hold spaces and brackets itself
    fields = text.rpartition(")")[2].split()
    seen = Seen(pid, fields[0], int(fields[3]), int(fields[19]))
    return None if seen.state == ZOMBIE else seen


def alive(pid: int, started: int) -> bool:
    """Whether this very process still lives, and not a later one with the same number."""
    seen = look(pid)
    return seen is not None and seen.started == started


def members(session: int) -> list[int]:
    """The living processes of a session: a child we started with all its offspring that made no session of its own."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    found = [seen for seen in map(look, pids) if seen is not None]
    return [seen.pid for seen in found if seen.session == session]


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal processes that may be gone already."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_session(session: int, *, number: signal.Signals, patience: float) -> None:
    """Ask the leader of a session (or its orphans, when it is gone) to stop, wait, then kill whoever is left."""
    send([session] if look(session) else members(session), number)
    wait_until(lambda: not members(session), patience)
    for _ in range(20):  # a fork may slip between looking and killing
        left = members(session)
        if not left:
            return
        send(left, signal.SIGKILL)
        time.sleep(0.05)


def wait_until(true: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Ask again and again; False when the time is over."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() >= end:
            return False
        time.sleep(pause)
    return True


def die_with_parent(number: signal.Signals) -> Callable[[], None]:
    """What a child runs first: the kernel will signal it when the launcher dies, be it by kill -9."""
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)

    return ask
