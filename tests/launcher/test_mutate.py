"""Changing the code on purpose: of what, by which tests, and what is read of the answer."""

import pytest

from ops.launcher.mutate import PLACES, mutate, survivors
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


def test_what_survived_and_what_no_test_runs_is_left() -> None:
    said = "    a.x_approve__mutmut_1: survived\n    a.x_approve__mutmut_2: killed\n    a.x_void__mutmut_1: no tests\n\n    a.b: timeout\n"
    assert survivors(said) == ["a.x_approve__mutmut_1", "a.x_void__mutmut_1"]
