"""A command that talks to the terminal itself, and is not left behind when somebody stops the launcher."""

import contextlib
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ops.launcher.kernel import die_with_parent
from ops.launcher.problem import ROOT
from ops.launcher.signals import StopAsked, stop_on_signals

PATIENCE = 10.0  # seconds for a test run to tidy up


def foreground(command: Sequence[str | Path], env: Mapping[str, str], *, cwd: Path = ROOT) -> int:
    """Run a command to its end; its exit status, or that of an interrupted one."""
    with stop_on_signals():
        child = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env=dict(env),
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - the launcher has no threads
        )
        try:
            return child.wait()
        except StopAsked:
            # Ctrl-C has reached the child too; a SIGTERM to us has not
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(1.0)
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(PATIENCE)
            child.kill()
            child.wait()
            raise KeyboardInterrupt from None
