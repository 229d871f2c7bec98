"""python3 manage.py test: style, types, arrows, and every test, on servers of its own."""

import contextlib
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from ops.launcher import environment, system
from ops.launcher.coverage import covered, too_little
from ops.launcher.foreground import foreground
from ops.launcher.mutate import mutate
from ops.launcher.options import Options
from ops.launcher.problem import ROOT, Problem, say

TESTS = "tests"
PYTEST = (environment.PYTHON, "-m", "pytest")
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CHECKS = {
    "ruff": ["-m", "ruff", "check", "--quiet", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "--quiet", "."],
    "mypy": ["-m", "mypy", "--no-error-summary"],
    "import-linter": ["-c", LINT_IMPORTS, "--no-cache"],
}
OURS = ("DATABASE_", "REDIS_", "CARILLON_")  # settings of somebody's installation must not reach the tests
# they start the whole product or a browser: two at a time, and nothing beside them
ALONE = ("tests/stories", "tests/browser")
UNDISTURBED = "tests/stories/test_launcher.py"  # says how many seconds a start may take
NOT_TESTS = ("tests/speed",)


def test(options: Options) -> int:
    """Check and test everything, or only what was named; 0 when all is well.

    Raises:
        Problem: something tests need is missing, or their servers do not start.
    """
    began = time.monotonic()
    environment.ensure(development=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    missing = system.ensure_libraries()
    if missing:
        raise Problem(missing)
    if not options.fast and (options.rest or exists(ALONE[1])):
        env["CARILLON_CHROMIUM"] = system.ensure_browser()
    from tests.servers.throwaway import VARIABLE, servers

    failed = [] if options.rest or options.mutate else checks(env)
    say("Starting servers for the tests ...")
    with servers() as ours:
        env[VARIABLE] = ours.describe()
        if options.mutate:
            return mutate(options.rest, env)
        if options.rest:
            return foreground([*PYTEST, *options.rest], env)
        counts = Counts()
        with covered(env) if options.coverage else contextlib.nullcontext(PYTEST) as first:
            for name, words in stages(fast=options.fast):
                status, report = pytest(words, env, first if name == TESTS else PYTEST)
                counts.add(report)
                if status:
                    failed.append(name)
            if options.coverage and too_little(env):
                failed.append("coverage")
    return close(failed, counts, time.monotonic() - began)


def checks(env: Mapping[str, str]) -> list[str]:
    """Run the linters; the names of those that found something."""
    failed = []
    for name, words in CHECKS.items():
        began = time.monotonic()
        status = foreground([environment.PYTHON, *words], env)
        say(f"{name}: {'FAILED' if status else 'ok'} ({time.monotonic() - began:.0f} s)")
        if status:
            failed.append(name)
    return failed


def stages(*, fast: bool) -> list[tuple[str, list[str]]]:
    """The runs of pytest: by two processes what each can do by itself, then what starts many more; by one what is timed."""
    apart = [f"--ignore={folder}" for folder in (*ALONE, *NOT_TESTS)]
    runs = [(TESTS, ["-n", "2", "tests", *apart])]
    alone = [folder for folder in ALONE if exists(folder)]
    if alone and not fast:  # the tests of one file share what it starts
        runs.append(("story and browser tests", ["-n", "2", "--dist", "loadfile", *alone, f"--ignore={UNDISTURBED}"]))
        runs.append(("story of the launcher", [UNDISTURBED]))
    return runs


def exists(folder: str) -> bool:
    """Whether a folder has tests."""
    return any((ROOT / folder).rglob("test_*.py"))


def pytest(words: list[str], env: Mapping[str, str], command: Sequence[str | Path] = PYTEST) -> tuple[int, Path]:
    """Run pytest; its status and its report."""
    handle, name = tempfile.mkstemp(prefix="carillon-report-", suffix=".xml")
    os.close(handle)
    status = foreground([*command, f"--junitxml={name}", *words], env)
    return status, Path(name)


class Counts:
    """What several runs of pytest came to."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.passed = self.failed = self.skipped = 0

    def add(self, report: Path) -> None:
        """Add a report and remove it."""
        try:
            suites = list(ET.parse(report).iter("testsuite"))
        except (OSError, ET.ParseError):
            suites = []
        for suite in suites:
            total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
            broken = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            self.passed += total - skipped - broken
            self.failed += broken
            self.skipped += skipped
        report.unlink(missing_ok=True)


def close(failed: list[str], counts: Counts, seconds: float) -> int:
    """Print what it came to; the exit status."""
    say(f"\nIn {seconds / 60:.1f} minutes. {'Failed: ' + ', '.join(failed) + '.' if failed else 'All is well.'}")
    say(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped")
    return 1 if failed or counts.failed else 0
