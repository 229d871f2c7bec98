"""The grammar of a flow: a tree of lanes as frozen types, read from JSON with an exact path for everything that is wrong.

{"schema": 1, "trigger": {"id", "type", "config"}, "rules": {...}, "lane": [{"id", "type", "config", "branches": [{"key", "label",
"when" | "percent", "lane"}]}]}. Branches exclude each other; a branch that ends without `exit` or `go_to` falls through to the
step behind its parent.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from app.core.errors import DomainError, Invalid, Issue, mark
from app.domain.flows.steps import BRANCHES, STEPS, TRIGGERS, Config, Rules, Trigger
from app.domain.segments import definition as segment_grammar
from app.domain.segments.definition import Definition

MOST_STEPS = 200
MOST_DEEP = 8
MOST_BRANCHES = 10
TRIGGER = "trigger"  # its id where steps have theirs
ELSE = "else"
_ID = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


@dataclass(frozen=True)
class Branch:
    """One way on: by a condition (`when`, none is everybody else), or by chance (`percent`)."""

    key: str
    label: str = ""
    when: Definition | None = None
    percent: int | None = None
    lane: tuple["Step", ...] = ()


@dataclass(frozen=True)
class Step:
    """One step: its id never changes and is never used twice in the flow."""

    id: str
    type: str
    config: Config
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True)
class Flowchart:
    """A whole flow, as drawn."""

    trigger_type: str
    trigger: Trigger
    lane: tuple[Step, ...] = ()
    rules: Rules = field(default_factory=Rules)

    def steps(self) -> Iterator[Step]:
        """Every step in reading order."""
        yield from _steps(self.lane)

    def step(self, step_id: str) -> Step | None:
        """The step of an id."""
        return next((one for one in self.steps() if one.id == step_id), None)

    def dump(self) -> dict[str, Any]:
        """The flow as JSON, as `parse` reads it."""
        return {
            "schema": 1,
            "trigger": {"id": TRIGGER, "type": self.trigger_type, "config": self.trigger.dump()},
            "rules": self.rules.dump(),
            "lane": _dumped(self.lane),
        }


def parse(raw: object) -> Flowchart:
    """Read a flow from JSON: its shape, not whether it can run (validation.py).

    Raises Invalid; its details name what is wrong by its path, for example `lane[1].branches[0].lane[2].config.days`.
    """
    reader = _Reader()
    found = reader.flow(raw)
    if found is None or reader.issues:
        raise Invalid(mark("The flow has mistakes."), details=tuple(reader.issues))
    return found


@dataclass
class _Reader:
    """Reads a tree, collecting what is wrong; a part with a mistake is None."""

    issues: list[Issue] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def _wrong(self, path: str, message: str, **values: object) -> Any:
        self.issues.append(Issue(path, message, values or None))
        return None

    def flow(self, raw: object) -> Flowchart | None:
        if not isinstance(raw, Mapping):
            self._wrong("", mark("A flow is an object with “trigger” and “lane”."))
            return None
        for name in raw.keys() - {"schema", "trigger", "rules", "lane", "flow_id", "rev"}:
            self._wrong(str(name), mark("There is no such field."))
        if raw.get("schema", 1) != 1:
            self._wrong("schema", mark("This version of the grammar is not known."))
        trigger = self._trigger(raw.get("trigger"))
        rules = self._config(Rules, raw.get("rules", {}), "rules")
        lane = self._lane(raw.get("lane", []), "lane", 1)
        if trigger is None or rules is None or lane is None:
            return None
        return Flowchart(trigger[0], trigger[1], lane, rules)

    def _trigger(self, raw: object) -> Any:
        if not isinstance(raw, Mapping):
            return self._wrong("trigger", mark("Say what begins the flow."))
        kind = raw.get("type")
        shape = TRIGGERS.get(kind) if isinstance(kind, str) else None
        if shape is None:
            return self._wrong("trigger.type", mark("There is no such trigger."))
        config = self._config(shape, raw.get("config", {}), "trigger.config")
        return None if config is None else (kind, config)

    def _lane(self, raw: object, path: str, depth: int) -> Any:
        if not isinstance(raw, list):
            return self._wrong(path, mark("A lane is a list of steps."))
        if depth > MOST_DEEP:
            return self._wrong(path, mark("Branches lie too deep: %(most)s levels at most."), most=MOST_DEEP)
        found = [self._step(one, f"{path}[{n}]", depth) for n, one in enumerate(raw)]
        return None if None in found else tuple(one for one in found if one)

    def _step(self, raw: object, path: str, depth: int) -> Any:
        if not isinstance(raw, Mapping):
            return self._wrong(path, mark("Put a step here."))
        for name in raw.keys() - {"id", "type", "config", "branches"}:
            self._wrong(f"{path}.{name}", mark("There is no such field."))
        step_id, kind = self._new_id(raw.get("id"), f"{path}.id"), raw.get("type")
        shape = STEPS.get(kind) if isinstance(kind, str) else None
        if shape is None:
            return self._wrong(f"{path}.type", mark("There is no such kind of step."))
        config = self._config(shape, raw.get("config", {}), f"{path}.config")
        branches = self._branches(str(kind), raw.get("branches", []), f"{path}.branches", depth)
        if step_id is None or config is None or branches is None:
            return None
        return Step(step_id, str(kind), config, branches)

    def _new_id(self, raw: object, path: str) -> Any:
        if not isinstance(raw, str) or not 0 < len(raw) <= 40 or not set(raw) <= _ID or raw == TRIGGER:
            return self._wrong(path, mark("A step has an id of small letters, digits, “-” and “_”."))
        if raw in self.seen:
            return self._wrong(path, mark("Two steps have this id."))
        if len(self.seen) == MOST_STEPS:
            return self._wrong(path, mark("Too many steps: %(most)s at most."), most=MOST_STEPS)
        self.seen.add(raw)
        return raw

    def _branches(self, kind: str, raw: object, path: str, depth: int) -> Any:
        if not isinstance(raw, list) or len(raw) > MOST_BRANCHES:
            return self._wrong(path, mark("Branches are a list of at most %(most)s."), most=MOST_BRANCHES)
        if raw and kind not in BRANCHES and kind not in ("split", "ab_split"):
            return self._wrong(path, mark("This kind of step has no branches."))
        found = [self._branch(kind, one, f"{path}[{n}]", depth) for n, one in enumerate(raw)]
        branches = tuple(one for one in found if one)
        if len(branches) < len(found):
            return None
        keys = [one.key for one in branches]
        if len(set(keys)) < len(keys):
            return self._wrong(path, mark("Two branches have the same key."))
        if kind in BRANCHES:  # one that was left out is empty
            known = {one.key: one for one in branches}
            if not known.keys() <= set(BRANCHES[kind]):
                return self._wrong(path, mark("There is no such branch."))
            return tuple(known.get(key, Branch(key)) for key in BRANCHES[kind])
        if kind == "split" and ELSE not in keys:
            return (*branches, Branch(ELSE))
        return branches

    def _branch(self, kind: str, raw: object, path: str, depth: int) -> Any:
        if not isinstance(raw, Mapping):
            return self._wrong(path, mark("A branch is an object with “key” and “lane”."))
        for name in raw.keys() - {"key", "label", "when", "percent", "lane"}:
            self._wrong(f"{path}.{name}", mark("There is no such field."))
        key, label, percent = raw.get("key"), raw.get("label", ""), raw.get("percent")
        if not isinstance(key, str) or not 0 < len(key) <= 40 or not set(key) <= _ID:
            return self._wrong(f"{path}.key", mark("A branch has a key of small letters, digits, “-” and “_”."))
        if not isinstance(label, str) or len(label) > 80:
            return self._wrong(f"{path}.label", mark("This is too long."))
        if kind == "ab_split" and (
            isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100
        ):
            return self._wrong(f"{path}.percent", mark("Say how many percent, as a whole number."))
        when, lane = (
            self._when(raw.get("when"), f"{path}.when"),
            self._lane(raw.get("lane", []), f"{path}.lane", depth + 1),
        )
        if lane is None:
            return None
        return Branch(key, label, when, percent if kind == "ab_split" else None, lane)

    def _when(self, raw: object, path: str) -> Definition | None:
        """A condition in the grammar of segments: a whole definition, or its `where` alone."""
        if raw is None:
            return None
        try:
            is_whole = isinstance(raw, Mapping) and "where" in raw
            return segment_grammar.parse(raw if is_whole else {"where": raw})
        except DomainError as broke:
            for one in broke.details:
                self.issues.append(Issue(f"{path}.{one.field}", one.message, one.values))
            return None

    def _config(self, shape: type[Config], raw: object, path: str) -> Any:
        if not isinstance(raw, Mapping):
            return self._wrong(path, mark("Put an object here."))
        try:
            return shape.model_validate(dict(raw))
        except ValidationError as broke:
            self.issues += segment_grammar.issues_of(broke, path)
            return None


def _steps(lane: tuple[Step, ...]) -> Iterator[Step]:
    for step in lane:
        yield step
        for branch in step.branches:
            yield from _steps(branch.lane)


def _dumped(lane: tuple[Step, ...]) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "type": one.type, "config": one.config.dump()}
        | ({"branches": [_branch(branch) for branch in one.branches]} if one.branches else {})
        for one in lane
    ]


def _branch(branch: Branch) -> dict[str, Any]:
    said: dict[str, Any] = {"key": branch.key, "label": branch.label}
    if branch.when:
        said["when"] = branch.when.dump()
    if branch.percent is not None:
        said["percent"] = branch.percent
    return said | {"lane": _dumped(branch.lane)}
