"""The verbs of manage.py; every failure leaves here as one sentence."""

import sys
import traceback
from collections.abc import Callable
from types import TracebackType

from ops.launcher.options import Options, parse
from ops.launcher.problem import ROOT, Problem, warn


def main(words: list[str]) -> int:
    """Do what the command line says; the exit status."""
    sys.excepthook = one_sentence
    options = parse(words)
    try:
        return verb(options.verb)(options)
    except Problem as problem:
        warn(f"{problem}.")
    except OSError as broke:
        warn(f"{broke.strerror or broke}{f': {broke.filename}' if broke.filename else ''} - mend that and start again.")
    except KeyboardInterrupt:
        warn("Stopped.")
    return 1


def verb(name: str) -> Callable[[Options], int]:
    """The function of a verb, imported only when it is called for."""
    if name == "up":
        from ops.launcher.up import up

        return up
    if name == "stop":
        from ops.launcher.stop import stop

        return stop
    if name == "organisation":
        from ops.launcher.organisation import organisation

        return organisation
    if name == "bench":
        from ops.launcher.bench import bench

        return bench
    if name == "lock":
        from ops.launcher.lock import lock

        return lock
    from ops.launcher.test import test

    return test


def one_sentence(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """What is shown for a mistake of the launcher's own: a sentence, and the details in a file for whoever mends it."""
    log = ROOT / ".venv" / "launcher-error.log"
    try:
        log.write_text("".join(traceback.format_exception(kind, error, where)), encoding="utf-8")
    except OSError:
        log = None  # type: ignore[assignment]
    kept = f" (details: {log})" if log else ""
    warn(f"The launcher itself broke: {kind.__name__}: {error}{kept} - please report this.")
