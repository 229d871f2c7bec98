"""Children of the launcher: each in a session of its own, watched, started again when it dies, stopped in order."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.launcher.account import Account
from ops.launcher.kernel import die_with_parent, end_session, look, members, wait_until
from ops.launcher.problem import ROOT, Problem, reason, warn

LOG_LIMIT = 20_000_000  # bytes; a longer log is set aside at the next start
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
STEADY = 60.0  # seconds after which a child counts as healthy again


@dataclass
class Child:
    """One program of the product and how it is run."""

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    log: Path
    account: Account = field(default_factory=lambda: Account(None, None))
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 15.0  # seconds between being asked to stop and being killed
    cwd: Path = ROOT
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    falls: int = 0
    log_start: int = 0  # where in the log its present words begin
    due: float | None = None  # when it is to be started again

    def start(self) -> None:
        """Start the program, its words going to the log.

        Raises:
            Problem: there is no such program.
        """
        set_aside(self.log)
        with self.log.open("ab") as log:
            self.log_start = log.tell()
            try:
                self.process = subprocess.Popen(
                    [str(word) for word in self.command],
                    cwd=self.cwd,
                    env=dict(self.env),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=0o077,
                    preexec_fn=die_with_parent(self.stop_signal),  # noqa: PLW1509 - the launcher has no threads
                    **self.account.popen(),  # type: ignore[call-overload]
                )
            except OSError as refused:
                raise Problem(f"{self.name} could not be started: {refused.strerror}: {self.command[0]}") from refused
        self.started_at = time.monotonic()
        self.due = None

    @property
    def running(self) -> bool:
        """Whether its first process lives."""
        return self.process is not None and self.process.poll() is None

    def record(self) -> dict[str, object]:
        """What a later launcher needs to find this child again."""
        seen = look(self.process.pid) if self.process is not None else None
        return {} if seen is None else {"name": self.name, "pid": seen.pid, "started": seen.started}

    def ask_to_stop(self) -> None:
        """Send the stop signal and do not wait."""
        if self.process is not None and self.running:
            self.process.send_signal(self.stop_signal)

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop the child and all its offspring, by force when its time is over or somebody is in a hurry."""
        if self.process is None:
            return
        self.ask_to_stop()
        wait_until(lambda: not self.running or hurry(), self.patience)
        if not self.running or self.stop_signal is signal.SIGTERM:
            end_session(self.process.pid, number=signal.SIGKILL, patience=0)
        else:
            self.process.send_signal(signal.SIGQUIT)  # PostgreSQL's quick way out; it recovers at the next start
        self.process.wait()
        self.process = None

    def said(self) -> str:
        """What it gave as the reason of its end, in the log since its start."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(self.log_start, self.log.stat().st_size - 4000))
                text = log.read().decode("utf-8", "replace")
        except OSError:
            return "it said nothing"
        fatal = [line for line in text.splitlines() if "FATAL:" in line]
        return fatal[0].partition("FATAL:")[2].strip() if fatal else reason(text)

    def must_run(self) -> None:
        """Raise a Problem if the child ended."""
        if not self.running:
            raise Problem(f"{self.name} stopped while it was starting: {self.said()} (all it said: {self.log})")


def set_aside(log: Path) -> None:
    """Keep one earlier log when this one has grown long."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


class Family:
    """The children in the order of their start; they stop in the opposite one."""

    def __init__(self, changed: Callable[["Family"], None] = lambda _: None) -> None:
        """Take what is called whenever a child was started."""
        self.children: list[Child] = []
        self.changed = changed

    def start(self, child: Child) -> Child:
        """Start a child and watch it from now on."""
        self.children.append(child)
        child.start()
        self.changed(self)
        return child

    def tend(self) -> None:
        """Start again whoever died, later each time it dies soon."""
        for child in self.children:
            if child.running:
                continue
            if child.due is None:
                self.plan(child)
            elif time.monotonic() >= child.due:
                child.start()
                self.changed(self)

    def plan(self, child: Child) -> None:
        """Note when a dead child is to start again, after ending its orphans."""
        process = child.process
        if process is not None and members(process.pid):
            end_session(process.pid, number=signal.SIGTERM, patience=2.0)
        if time.monotonic() - child.started_at > STEADY:
            child.falls = 0
        pause = PAUSES[min(child.falls, len(PAUSES) - 1)]
        child.falls += 1
        child.due = time.monotonic() + pause
        warn(f"{child.name} stopped by itself ({child.said()[:200]}); starting it again in {pause:.0f} s")

    def stop(self, together: Sequence[str] = (), hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop everybody, the last started first; the named ones are asked at the same time, to save time."""
        for child in self.children:
            if child.name in together:
                child.ask_to_stop()
        while self.children:
            self.children[-1].stop(hurry)
            self.children.pop()
