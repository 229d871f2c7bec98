"""Changing the code on purpose: of what, by which tests, and what is read of the answer."""

import re
import tomllib
from pathlib import Path

import pytest

from ops.launcher.mutate import PLACES, mutate, prepare, survivors
from ops.launcher.options import parse
from ops.launcher.problem import ROOT, Problem


def test_words_name_places() -> None:
    options = parse(["test", "--mutate", "consent", "launch"])
    assert (options.mutate, options.rest) == (True, ("consent", "launch"))
    assert set(options.rest) <= set(PLACES)


def test_a_place_nobody_knows_is_named_with_those_there_are() -> None:
    with pytest.raises(Problem, match="nothing called weather to change: approvals, consent"):
        mutate(["weather"], {})


@pytest.mark.parametrize("name", PLACES)
def test_what_is_changed_and_what_ought_to_notice_are_there(name: str) -> None:
    assert all(list(ROOT.glob(pattern)) for pattern in PLACES[name].files)
    assert all((ROOT / tests).exists() for tests in PLACES[name].tests)


def test_the_copy_says_what_is_changed_by_which_tests_and_what_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    prepare(tmp_path, [PLACES["launch"], PLACES["consent"]])
    told = tomllib.loads((tmp_path / "pyproject.toml").read_text())["tool"]["mutmut"]
    assert told["only_mutate"] == ["app/domain/campaigns/launch.py", "app/domain/consent/*"]
    assert "tests/domain/campaigns/test_launch.py" in told["pytest_add_cli_args_test_selection"]
    assert any(re.search(pattern, 'raise NotFound(mark("Gone."))') for pattern in told["do_not_mutate_patterns"])
    assert not any(re.search(pattern, "if note:") for pattern in told["do_not_mutate_patterns"])


def test_what_survived_and_what_no_test_runs_is_left() -> None:
    said = "    a.x_approve__mutmut_1: survived\n    a.x_approve__mutmut_2: killed\n    a.x_void__mutmut_1: no tests\n\n    a.b: timeout\n"
    assert survivors(said) == ["a.x_approve__mutmut_1", "a.x_void__mutmut_1"]
