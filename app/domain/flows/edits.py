"""Edits of a flow as pure functions: a tree and what is asked become another tree, and every one of them is one that `parse` reads.

A lane is named "root", or by the step and the branch it belongs to: "s4:else".
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.core.errors import Invalid, NotFound, mark
from app.domain.flows.definition import ELSE, Branch, Flowchart, Step, parse
from app.domain.flows.steps import STEPS, TRIGGERS, Config, GoTo, Happening, Rules
from app.domain.segments import definition as segment_grammar
from app.domain.segments.definition import Definition

ROOT = "root"
Lane = tuple[Step, ...]
_NEW = {  # the branches of steps whose branches are chosen
    "split": (Branch("b1"), Branch(ELSE)),
    "ab_split": (Branch("a", percent=50), Branch("b", percent=50)),
}


class BranchEdit(BaseModel):
    """One branch as it shall be: without a key it is a new one; the steps of one that is kept stay in it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    key: str | None = None
    label: str = Field(default="", max_length=80)
    when: dict[str, Any] | None = None
    percent: int | None = None


class Edit(BaseModel):
    """One change: `lane` and `index` say where (no index is the end), `id` which step; the rest belongs to single operations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    op: Literal["insert", "move", "delete", "duplicate", "paste", "configure", "branches", "trigger", "rules"]
    id: str = ""
    lane: str = ROOT
    index: int | None = Field(default=None, ge=0)
    type: str = ""
    config: dict[str, Any] = Field(default_factory=dict)
    branches: tuple[BranchEdit, ...] = ()
    steps: tuple[dict[str, Any], ...] = ()


def apply(chart: Flowchart, edit: Edit, ids: Iterator[str]) -> Flowchart:
    """The tree after an edit; new steps take their ids from `ids`.

    Raises:
        NotFound (the step or the lane is gone), Invalid (it does not fit there, too many, too deep).
    """
    return parse(_EDITS[edit.op](chart, edit, ids).dump())


def lanes(chart: Flowchart) -> dict[str, Lane]:
    """Every lane by its name, in reading order."""
    return {ROOT: chart.lane} | {
        f"{step.id}:{branch.key}": branch.lane for step in chart.steps() for branch in step.branches
    }


def place(chart: Flowchart, step_id: str) -> tuple[str, int]:
    """In which lane a step stands, and where. Raises NotFound."""
    for name, lane in lanes(chart).items():
        for index, step in enumerate(lane):
            if step.id == step_id:
                return name, index
    raise NotFound(mark("This step is no longer there."))


def shifted(chart: Flowchart, step_id: str, way: int) -> tuple[str, int]:
    """Where a step comes to by one place up (-1) or down (1); at the end of a branch, out of it. Raises NotFound, Invalid."""
    lane, index = place(chart, step_id)
    if 0 <= index + way < len(lanes(chart)[lane]):
        return lane, index + way
    if lane == ROOT:
        raise Invalid(mark("It cannot go further in this direction."))
    outer, parent = place(chart, lane.split(":")[0])
    return outer, parent + (way > 0)


def paths(chart: Flowchart) -> dict[str, str]:
    """Where each step stands in the JSON: "lane[1].branches[0].lane[2]"."""
    found: dict[str, str] = {}

    def walk(lane: Lane, path: str) -> None:
        for n, step in enumerate(lane):
            found[step.id] = f"{path}[{n}]"
            for m, branch in enumerate(step.branches):
                walk(branch.lane, f"{path}[{n}].branches[{m}].lane")

    walk(chart.lane, "lane")
    return found


def inside(step: Step) -> list[Step]:
    """A step and all that lie in its branches."""
    return [step, *(inner for branch in step.branches for one in branch.lane for inner in inside(one))]


def _insert(chart: Flowchart, edit: Edit, ids: Iterator[str]) -> Flowchart:
    if edit.type not in STEPS:
        raise Invalid.field("type", mark("There is no such kind of step."))
    new = Step(next(ids), edit.type, _config(STEPS[edit.type], edit.config), _NEW.get(edit.type, ()))
    return _put(chart, edit, (new,))


def _move(chart: Flowchart, edit: Edit, _ids: Iterator[str]) -> Flowchart:
    moved = _step(chart, edit.id)
    if edit.lane.split(":")[0] in {step.id for step in inside(moved)}:
        raise Invalid(mark("A step cannot be moved into its own branches."))
    return _put(_without(chart, edit.id), edit, (moved,))


def _delete(chart: Flowchart, edit: Edit, _ids: Iterator[str]) -> Flowchart:
    _step(chart, edit.id)
    return _without(chart, edit.id)


def _duplicate(chart: Flowchart, edit: Edit, ids: Iterator[str]) -> Flowchart:
    lane, index = place(chart, edit.id)
    behind = edit.model_copy(update={"lane": lane, "index": index + 1})
    return _put(chart, behind, _renamed((_step(chart, edit.id),), ids))


def _paste(chart: Flowchart, edit: Edit, ids: Iterator[str]) -> Flowchart:
    copied = parse({"trigger": {"type": "api"}, "lane": list(edit.steps)}).lane
    return _put(chart, edit, _renamed(copied, ids))


def _configure(chart: Flowchart, edit: Edit, _ids: Iterator[str]) -> Flowchart:
    step = _step(chart, edit.id)
    return _replaced(chart, replace(step, config=_config(STEPS[step.type], edit.config)))


def _branches(chart: Flowchart, edit: Edit, _ids: Iterator[str]) -> Flowchart:
    step = _step(chart, edit.id)
    if step.type not in _NEW:
        raise Invalid(mark("The branches of this step are always the same."))
    known = {branch.key: branch for branch in step.branches}
    keys = (key for n in range(1, 1000) if (key := f"b{n}") not in known)
    asked = [
        Branch(
            one.key or next(keys),
            one.label,
            _condition(one.when),
            one.percent if step.type == "ab_split" else None,
            known[one.key].lane if one.key in known else (),
        )
        for one in edit.branches
    ]
    last = [] if step.type == "ab_split" or any(one.key == ELSE for one in asked) else [known.get(ELSE, Branch(ELSE))]
    return _replaced(chart, replace(step, branches=(*asked, *last)))


def _trigger(chart: Flowchart, edit: Edit, _ids: Iterator[str]) -> Flowchart:
    if edit.type not in TRIGGERS:
        raise Invalid.field("type", mark("There is no such trigger."))
    return replace(chart, trigger_type=edit.type, trigger=_config(TRIGGERS[edit.type], edit.config))


def _rules(chart: Flowchart, edit: Edit, _ids: Iterator[str]) -> Flowchart:
    return replace(chart, rules=_config(Rules, edit.config))


_EDITS: Mapping[str, Callable[[Flowchart, Edit, Iterator[str]], Flowchart]] = {
    "insert": _insert, "move": _move, "delete": _delete, "duplicate": _duplicate, "paste": _paste,
    "configure": _configure, "branches": _branches, "trigger": _trigger, "rules": _rules,
}  # fmt: skip


def _step(chart: Flowchart, step_id: str) -> Step:
    found = chart.step(step_id)
    if found is None:
        raise NotFound(mark("This step is no longer there."))
    return found


def _config(shape: type[Config], raw: Mapping[str, Any]) -> Any:
    try:
        return shape.model_validate(dict(raw))
    except ValidationError as broke:
        raise Invalid(
            mark("Some fields are not right."), details=tuple(segment_grammar.issues_of(broke, "config"))
        ) from None


def _condition(raw: Mapping[str, Any] | None) -> Definition | None:
    return segment_grammar.parse(raw if "where" in raw else {"where": raw}) if raw else None


def _put(chart: Flowchart, edit: Edit, new: Lane) -> Flowchart:
    if edit.lane not in lanes(chart):
        raise NotFound(mark("This branch is no longer there."))

    def with_new(lane: Lane) -> Lane:
        at = len(lane) if edit.index is None else min(edit.index, len(lane))
        return (*lane[:at], *new, *lane[at:])

    return replace(chart, lane=_mapped(chart.lane, ROOT, {edit.lane: with_new}))


def _without(chart: Flowchart, step_id: str) -> Flowchart:
    name, _ = place(chart, step_id)
    kept = {name: lambda lane: tuple(step for step in lane if step.id != step_id)}
    return replace(chart, lane=_mapped(chart.lane, ROOT, kept))


def _replaced(chart: Flowchart, new: Step) -> Flowchart:
    name, _ = place(chart, new.id)
    put = {name: lambda lane: tuple(new if step.id == new.id else step for step in lane)}
    return replace(chart, lane=_mapped(chart.lane, ROOT, put))


def _mapped(lane: Lane, name: str, changes: Mapping[str, Callable[[Lane], Lane]]) -> Lane:
    """A lane and those below it, the named ones changed; what a change puts in is not looked into."""
    below = tuple(
        replace(
            step,
            branches=tuple(
                replace(branch, lane=_mapped(branch.lane, f"{step.id}:{branch.key}", changes))
                for branch in step.branches
            ),
        )
        for step in lane
    )
    return changes[name](below) if name in changes else below


def _renamed(copied: Lane, ids: Iterator[str]) -> Lane:
    """Steps under new ids; what they say of each other is of the copies."""
    named = {step.id: next(ids) for one in copied for step in inside(one)}

    def config(old: Config) -> Config:
        if isinstance(old, GoTo) and old.target in named:
            return old.model_copy(update={"target": named[old.target]})
        if isinstance(old, Happening) and old.step in named:
            return old.model_copy(update={"step": named[old.step]})
        return old

    def copy(step: Step) -> Step:
        branches = tuple(replace(branch, lane=tuple(map(copy, branch.lane))) for branch in step.branches)
        return replace(step, id=named[step.id], config=config(step.config), branches=branches)

    return tuple(map(copy, copied))
