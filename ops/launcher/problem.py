"""How the launcher speaks: a line of progress, or a problem in one sentence that names the way out."""

import contextlib
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Problem(Exception):
    """Something a person must know: one clear sentence that says what to do."""


def say(sentence: str) -> None:
    """Print one line, at once, also into a pipe; a reader that went away ends nothing."""
    with contextlib.suppress(BrokenPipeError):
        print(sentence, flush=True)


def warn(sentence: str) -> None:
    """Print one line to standard error."""
    with contextlib.suppress(BrokenPipeError):
        print(sentence, file=sys.stderr, flush=True)


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def reason(output: str) -> str:
    """Why a Python program failed: the last line that names an exception, otherwise the last line."""
    named = [line for line in output.splitlines() if re.match(r"[A-Za-z_][\w.]*(Error|Exception|Setting|Exit): ", line)]
    return (named[-1].partition(": ")[2] if named else last_line(output))[:400]


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    timeout: float | None = None,
    stdin: str | None = None,
    cwd: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and collect what it says; with log, keep that in a file too.

    Raises:
        Problem: there is no such command, or it did not end in time.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env=env,
            input=stdin if stdin is not None else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as missing:
        raise Problem(f"The command {words[0]} is not on this machine: install it and try again") from missing
    except subprocess.TimeoutExpired as late:
        raise Problem(f"This did not end within {timeout:.0f} seconds, try it by hand: {shlex.join(words)}") from late
    if log is not None:
        with log.open("a", encoding="utf-8") as kept:
            kept.write(f"$ {shlex.join(words)}\n{done.stdout}\n")
    return done
