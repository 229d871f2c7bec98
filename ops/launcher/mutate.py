"""python3 manage.py test --mutate [PLACE ...]: change the code bit by bit and say which changes no test notices.

Only where a change that nobody notices costs most: a hundred changes take a few minutes. Not all that are left are faults of
the tests: some change nothing that anybody could see. Read them.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.launcher import environment
from ops.launcher.foreground import foreground
from ops.launcher.problem import ROOT, Problem, run, say

MUTMUT = (environment.PYTHON, "-m", "mutmut")
PROCESSES = 2
# What the tests need beside the code that is changed; nothing else of the checkout is copied.
BESIDE = ("jobs", "ops", "sandbox", "migrations", "templates", "static", "tests", "manage.py", "wsgi.py", "asgi.py")
SPOKEN = [r"mark\(", r"log\.\w+\("]  # what is said to people: to change its words breaks nothing
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".venv", ".git", "var", "mutants", ".*_cache")


@dataclass(frozen=True)
class Place:
    """Files that are changed, and the tests that ought to notice."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


PLACES = {
    "approvals": Place(("app/domain/approvals/*",), ("tests/domain/approvals",)),
    "consent": Place(("app/domain/consent/*",), ("tests/domain/consent", "tests/domain/messages/test_tracking.py")),
    "launch": Place(("app/domain/campaigns/launch.py",), ("tests/domain/campaigns/test_launch.py",)),
    "messages": Place(("app/domain/messages/*",), ("tests/domain/messages", "tests/domain/test_races.py")),
}


def mutate(names: Sequence[str], env: Mapping[str, str]) -> int:
    """Change the named places, or all, in a copy of the checkout, and print every change that no test noticed.

    Raises:
        Problem: there is no such place, or the tests fail without any change.
    """
    unknown = sorted(set(names) - set(PLACES))
    if unknown:
        raise Problem(f"There is nothing called {', '.join(unknown)} to change: {', '.join(PLACES)}")
    with tempfile.TemporaryDirectory(prefix="carillon-mutants-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
        prepare(copy, [PLACES[name] for name in names or PLACES])
        if foreground([*MUTMUT, "run", "--max-children", str(PROCESSES)], env, cwd=copy):
            raise Problem("The changes could not be tried; what is wrong stands above")
        _report(copy, env)
    return 0


def prepare(copy: Path, places: Sequence[Place]) -> None:
    """Tell mutmut what to change and what to run; its tests find our Python where the launcher looks for it."""
    told: dict[str, list[str]] = {
        "source_paths": ["app"],
        "do_not_mutate_patterns": SPOKEN,
        "only_mutate": [file for place in places for file in place.files],
        "also_copy": list(BESIDE),
        "pytest_add_cli_args_test_selection": [tests for place in places for tests in place.tests],
    }
    with (copy / "pyproject.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[tool.mutmut]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in told.items()))
    (copy / "mutants").mkdir()
    (copy / "mutants" / environment.VENV.name).symlink_to(environment.VENV)


def _report(copy: Path, env: Mapping[str, str]) -> None:
    results = run([*MUTMUT, "results"], env=env, cwd=copy).stdout
    left = survivors(results)
    for name in left:
        say(run([*MUTMUT, "show", name], env=env, cwd=copy).stdout)
    say(f"{len(left)} changes were noticed by no test.")


def survivors(results: str) -> list[str]:
    """The names of what survived, or what no test runs, in mutmut's own list."""
    lines = (line.strip().partition(": ") for line in results.splitlines())
    return [name for name, _, state in lines if state in ("survived", "no tests")]
