"""How much of the code the tests run: measured in their own processes and in those they start, and a gate."""

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ops.launcher import environment
from ops.launcher.problem import Problem, run, say

COVERAGE = (environment.PYTHON, "-m", "coverage")
FILE = "COVERAGE_FILE"  # where coverage keeps what it saw
DOMAIN = 90  # percent of the lines of app/domain together
MODULE = 70  # percent of the lines of every single file


@contextlib.contextmanager
def covered(env: MutableMapping[str, str]) -> Iterator[tuple[str | Path, ...]]:
    """The command that runs pytest and writes down, in files of `env`'s own, which lines were run.

    Stories and browsers are left out of it: a process that is traced is slower, and they measure.
    """
    with tempfile.TemporaryDirectory(prefix="carillon-coverage-") as folder:
        env[FILE] = str(Path(folder) / "data")
        if sys.version_info >= (3, 12):
            env["COVERAGE_CORE"] = "sysmon"  # costs next to nothing, and older Pythons do not have it
        yield (*COVERAGE, "run", "-m", "pytest")


def too_little(env: Mapping[str, str]) -> bool:
    """Say how much was run; True if it is less than the gate asks for. Raises Problem if nothing was written down."""
    report = Path(env[FILE]).with_name("report.json")
    for words in (["combine", "--quiet"], ["json", "--quiet", "-o", report]):
        done = run([*COVERAGE, *words], env=env)
        if done.returncode:
            raise Problem(f"The lines that were run could not be counted: {environment.sentence(done.stdout)}")
    domain, low = judged(json.loads(report.read_text(encoding="utf-8"))["files"])
    say(f"coverage: {domain:.0f} % of the domain is run by a test ({DOMAIN} at least)")
    for name, percent in low.items():
        say(f"coverage: {name}: {percent:.0f} % ({MODULE} at least)")
    return domain < DOMAIN or bool(low)


def judged(files: Mapping[str, Mapping[str, Any]]) -> tuple[float, dict[str, float]]:
    """Of the files of a report: how much of the domain was run, and the files that are below the least, in percent."""
    ours = [told["summary"] for name, told in files.items() if name.startswith("app/domain/")]
    lines = sum(one["num_statements"] for one in ours)
    domain = 100 * sum(one["covered_lines"] for one in ours) / lines if lines else 0.0
    each = {name: float(told["summary"]["percent_covered"]) for name, told in sorted(files.items())}
    return domain, {name: percent for name, percent in each.items() if percent < MODULE}
