"""python3 manage.py stop: end what runs on a data folder, and what a killed launcher left there."""

import signal

from ops.launcher import embedded
from ops.launcher.datafolder import DataFolder
from ops.launcher.kernel import look, send, wait_until
from ops.launcher.options import Options
from ops.launcher.problem import Problem, say

LIMIT = 120.0  # seconds for an orderly end


def stop(options: Options) -> int:
    """Ask the launcher of the folder to stop and wait until it has.

    Raises:
        Problem: it does not end.
    """
    folder = DataFolder(options.data)
    if not folder.path.is_dir():
        say(f"Nothing runs on {folder.path}: there is no such folder.")
        return 0
    if folder.lock():
        left_over(folder)
        folder.close()
        say(f"Nothing runs on {folder.path}.")
        return 0
    pid = folder.launcher()
    if pid is None:
        raise Problem(f"{folder.path / 'lock'} is held, but not by a launcher: wait for its end, or end it by hand")
    say(f"Stopping process {pid} ...")
    send([pid], signal.SIGTERM)
    if not wait_until(lambda: look(pid) is None, LIMIT):
        raise Problem(f"Process {pid} has not stopped within {LIMIT:.0f} seconds: kill -9 {pid}, then stop again")
    say("Stopped.")
    return 0


def left_over(folder: DataFolder) -> None:
    """End the children of a launcher that was killed."""
    folder.end_remains()
    if folder.recall("postgres"):
        embedded.postgres(folder.path, folder.secrets()).clear_remains()
