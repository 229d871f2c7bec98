"""What is installed is what the lists name, to the last dependency: nothing else, and nothing that has another hash."""

import re
from importlib import metadata

import pytest

from ops.launcher.lock import LISTS
from ops.launcher.problem import ROOT

_PINNED = re.compile(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)")


def named(file: str) -> dict[str, str]:
    """The packages a file pins: {name: version}; of a list that leans on another, its own."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    found = [match for line in lines if (match := _PINNED.match(line))]
    return {match.group(1).lower().replace("_", "-").replace(".", "-"): match.group(2) for match in found}


def entries(locked: str) -> list[str]:
    """A lock file in pieces, one a package."""
    return re.split(r"\n(?=[\w.-]+(?:\[[\w,-]+\])?==)", (ROOT / locked).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", LISTS)
def test_the_lock_holds_what_its_list_names_and_no_leftovers(name: str) -> None:
    wanted, locked = named(name), named(LISTS[name])
    assert {package: locked.get(package) for package in wanted} == wanted, "run python3 manage.py lock"
    asked_for = {
        next(iter(named_in(entry)))
        for entry in entries(LISTS[name])
        if re.search(rf"-r {re.escape(name)}$", entry, re.MULTILINE)
    }
    assert asked_for == set(wanted), "run python3 manage.py lock"


def named_in(entry: str) -> set[str]:
    match = _PINNED.match(entry)
    return {match.group(1).lower().replace("_", "-").replace(".", "-")} if match else set()


@pytest.mark.parametrize("locked", LISTS.values())
def test_everything_has_a_hash_and_nothing_says_where_it_is_from(locked: str) -> None:
    assert all("--hash=sha256:" in entry for entry in entries(locked))
    text = (ROOT / locked).read_text(encoding="utf-8")
    assert not re.search(r"://|^-|--(?:extra-)?index|--find-links|--trusted", text, re.MULTILINE)


def test_what_the_product_runs_on_is_what_the_tests_run_on() -> None:
    runtime, development = (named(locked) for locked in LISTS.values())
    assert runtime.items() <= development.items()


def test_what_is_installed_here_is_what_is_locked() -> None:
    locked = {
        name: version
        for entry in entries(LISTS["requirements-dev.txt"])
        if " ; " not in entry.splitlines()[0]
        for name, version in [_PINNED.match(entry).groups()]
    }
    assert {name: metadata.version(name) for name in locked} == locked
