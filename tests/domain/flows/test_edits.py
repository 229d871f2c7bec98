"""Edits of the tree: whatever is done to a flow, it stays one that can be read, and its steps stay the same."""

import random
from itertools import count
from typing import Any

import pytest

from app.core.errors import Invalid, NotFound
from app.domain.flows.definition import MOST_STEPS, Flowchart, parse
from app.domain.flows.edits import BranchEdit, Edit, apply, inside, lanes, paths, place
from app.domain.flows.steps import STEPS

SMALL = {
    "trigger": {"type": "event", "config": {"event": "login"}},
    "lane": [
        {"id": "s1", "type": "send_sms"},
        {
            "id": "s2",
            "type": "split",
            "branches": [
                {"key": "b1", "label": "Yes", "lane": [{"id": "s3", "type": "wait", "config": {"days": 3}}]},
                {"key": "else", "lane": [{"id": "s4", "type": "exit"}]},
            ],
        },
        {"id": "s5", "type": "go_to", "config": {"target": "s1"}},
    ],
}


def small() -> Flowchart:
    return parse(SMALL)


def done(chart: Flowchart, op: str, **values: Any) -> Flowchart:
    return apply(chart, Edit(op=op, **values), (f"n{n}" for n in count(1)))  # type: ignore[arg-type]


def order(chart: Flowchart) -> list[str]:
    return [step.id for step in chart.steps()]


def test_a_step_is_put_where_it_was_dropped() -> None:
    assert order(done(small(), "insert", type="tag", index=1)) == ["s1", "n1", "s2", "s3", "s4", "s5"]
    assert order(done(small(), "insert", type="tag", lane="s2:b1", index=0))[2:4] == ["n1", "s3"]
    assert order(done(small(), "insert", type="tag"))[-1] == "n1"


def test_a_new_split_has_two_branches_and_a_draw_two_halves() -> None:
    split, draw = done(small(), "insert", type="split").lane[-1], done(small(), "insert", type="ab_split").lane[-1]
    assert [branch.key for branch in split.branches] == ["b1", "else"]
    assert [branch.percent for branch in draw.branches] == [50, 50]


def test_a_step_moves_with_everything_in_its_branches() -> None:
    moved = done(small(), "move", id="s2", index=0)
    assert order(moved) == ["s2", "s3", "s4", "s1", "s5"]
    assert order(done(moved, "move", id="s1", lane="s2:else", index=0)) == ["s2", "s3", "s1", "s4", "s5"]


def test_a_step_is_never_moved_into_itself() -> None:
    with pytest.raises(Invalid, match="own branches"):
        done(small(), "move", id="s2", lane="s2:b1")


def test_what_is_gone_cannot_be_edited() -> None:
    for op in ("move", "delete", "duplicate", "configure", "branches"):
        with pytest.raises(NotFound):
            done(small(), op, id="s9")
    with pytest.raises(NotFound):
        done(small(), "insert", type="tag", lane="s9:else")


def test_a_copy_has_ids_of_its_own_and_speaks_of_itself() -> None:
    looped = parse(SMALL | {"lane": [{"id": "s1", "type": "split", "branches": [
        {"key": "else", "lane": [
            {"id": "s2", "type": "send_email"},
            {"id": "s3", "type": "wait_for", "config": {"did": "opened", "step": "s2"}},
            {"id": "s4", "type": "go_to", "config": {"target": "s2"}},
        ]}]}]})  # fmt: skip
    copy = done(looped, "duplicate", id="s1").lane[1]
    assert [step.id for step in inside(copy)] == ["n1", "n2", "n3", "n4"]
    _, wait, jump = copy.branches[0].lane
    assert wait.config.dump()["step"] == "n2"
    assert jump.config.dump()["target"] == "n2"


def test_a_pasted_step_keeps_what_it_says_of_steps_that_were_not_copied() -> None:
    pasted = done(small(), "paste", steps=({"id": "x1", "type": "go_to", "config": {"target": "s1"}},), index=0)
    assert pasted.lane[0].config.dump()["target"] == "s1"


def test_a_setting_that_does_not_fit_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        done(small(), "configure", id="s3", config={"days": -1, "moon": 1})
    assert {issue.field for issue in refused.value.details} == {"config.days", "config.moon"}


def test_branches_are_changed_without_losing_their_steps() -> None:
    asked = (BranchEdit(label="New"), BranchEdit(key="b1", label="Second"))
    split = done(small(), "branches", id="s2", branches=asked).step("s2")
    assert split is not None
    assert [(branch.key, branch.label, len(branch.lane)) for branch in split.branches] == [
        ("b2", "New", 0), ("b1", "Second", 1), ("else", "", 1),
    ]  # fmt: skip
    with pytest.raises(Invalid, match="always the same"):
        done(done(small(), "insert", type="wait_for"), "branches", id="n1")


def test_a_flow_does_not_grow_without_end() -> None:
    full = parse(SMALL | {"lane": [{"id": f"m{n}", "type": "tag"} for n in range(MOST_STEPS)]})
    with pytest.raises(Invalid) as refused:
        done(full, "insert", type="tag")
    assert "Too many steps" in refused.value.details[0].message


@pytest.mark.parametrize("seed", range(40))
def test_any_sequence_of_edits_leaves_a_flow_that_can_be_read(seed: int) -> None:
    draw, chart, ids = random.Random(seed), small(), (f"n{n}" for n in count(1))
    for _ in range(60):
        before = set(order(chart))
        try:
            chart, op, named = _edited(draw, chart, ids)
        except (Invalid, NotFound):
            continue
        now = order(chart)
        assert parse(chart.dump()) == chart
        assert len(set(now)) == len(now)
        assert set(paths(chart)) == set(now)
        if op == "move":
            assert set(now) == before
        if op == "delete":
            assert named not in now
        if op in ("insert", "duplicate") or (op == "paste" and before):
            assert before < set(now)


def _edited(draw: random.Random, chart: Flowchart, ids: Any) -> tuple[Flowchart, str, str]:
    """One edit by chance; the index is where the step stands afterwards, as it is when somebody drops it."""
    op = draw.choice(["insert", "insert", "move", "move", "delete", "duplicate", "paste", "branches"])
    steps = [step.id for step in chart.steps()] or ["none"]
    lane = draw.choice(list(lanes(chart)))
    named, index = draw.choice(steps), draw.randrange(4)
    copied: tuple[dict[str, Any], ...] = ()
    if op == "paste" and steps != ["none"]:
        at, n = place(chart, named)
        copied = tuple(Flowchart("api", chart.trigger, (lanes(chart)[at][n],)).dump()["lane"])
    kept = [BranchEdit(key=branch.key, percent=branch.percent) for branch in getattr(chart.step(named), "branches", ())]
    asked = (*kept[: draw.randrange(3)], BranchEdit(label="New", percent=10))
    edit = Edit(op=op, id=named, lane=lane, index=index, type=draw.choice(list(STEPS)), steps=copied, branches=asked)  # type: ignore[arg-type]
    after = apply(chart, edit, ids)
    if op in ("insert", "move"):
        length = len(lanes(after)[lane])
        assert lanes(after)[lane][min(index, length - 1)].id == (named if op == "move" else max(order(after), key=_age))
    return after, op, named


def _age(step_id: str) -> int:
    return int(step_id[1:]) if step_id.startswith("n") else 0
