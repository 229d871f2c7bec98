"""The branches of a split and of a draw, as rows of the panel; the condition of one has a page of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.flows.definition import ELSE, Step
from app.domain.flows.edits import BranchEdit
from app.domain.segments.definition import Definition
from app.domain.segments.kinds.segment import InSegment
from app.web.flows import words
from app.web.segments import shown as segments

CHOSEN = ("split", "ab_split")


@dataclass(frozen=True)
class Row:
    """One branch: `segment` is set where its condition is to be in one segment and nothing else."""

    key: str
    label: str
    called: str
    percent: int | None
    who: str
    segment: str
    is_else: bool


def shown(step: Step) -> list[Row]:
    """The branches of a step."""
    return [
        Row(
            one.key,
            one.label,
            words.branch(one.key, one.label),
            one.percent,
            segments.sentence(one.when) if one.when else "",
            _segment_of(one.when),
            step.type == "split" and one.key == ELSE,
        )
        for one in step.branches
    ]


def asked(step: Step, form: Mapping[str, str]) -> tuple[BranchEdit, ...]:
    """The branches as they were posted, after the button that was pressed: add, remove:b1, up:b1 (condition:b1 changes none)."""
    rows = [_row(step, one.key, form) for one in step.branches]
    do, _colon, key = form.get("do", "").partition(":")
    place = next((n for n, row in enumerate(rows) if row.key == key), None)
    if do == "remove" and place is not None:
        del rows[place]
    elif do == "up" and place:
        rows[place - 1 : place + 1] = [rows[place], rows[place - 1]]
    elif do == "add":
        rows.insert(len(rows) - (step.type == "split"), BranchEdit(percent=0 if step.type == "ab_split" else None))
    return tuple(rows)


def _row(step: Step, key: str, form: Mapping[str, str]) -> BranchEdit:
    branch = next(one for one in step.branches if one.key == key)
    percent = form.get(f"{key}.percent", "")
    return BranchEdit(
        key=key,
        label=form.get(f"{key}.label", branch.label).strip()[:80],
        when=_when(branch.when, form.get(f"{key}.segment")),
        percent=(int(percent) if percent.isdecimal() and len(percent) < 4 else branch.percent)
        if step.type == "ab_split"
        else None,
    )


def _when(present: Definition | None, segment: str | None) -> dict[str, Any] | None:
    """A segment that was chosen in place of the condition; "" leaves the condition as it is."""
    if not segment or segment == _segment_of(present):
        return present.dump() if present else None
    return {"where": {"kind": "segment", "segment": segment, "op": "in"}}


def _segment_of(when: Definition | None) -> str:
    where = when.where if when else None
    return str(where.segment) if isinstance(where, InSegment) and where.op == "in" else ""
