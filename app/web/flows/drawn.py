"""A flow as its pages draw it: the tree with words, problems and places, and what may be done with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import g, request
from flask_babel import gettext as _

from app.core.db import db
from app.domain.flows import by_hand, draft_state, drafts, edits, resuming, validation
from app.domain.flows.definition import ELSE, TRIGGER, Branch, Flowchart, Step, parse
from app.domain.flows.models import Flow, FlowVersion
from app.domain.flows.possible import possible
from app.domain.flows.validation import RULES, Problem
from app.http.errors import said
from app.web.flows import waiting, words
from app.web.flows.words import KINDS, Speaker
from app.web.segments import shown as segments


@dataclass(frozen=True)
class Way:
    """A branch: what it is called, who goes there, and its lane."""

    lane: str
    label: str
    who: str
    steps: list["Box"]


@dataclass(frozen=True)
class Box:
    """A step on the canvas. `wrong` is what keeps it from running."""

    id: str
    kind: str
    icon: str
    title: str
    print: str
    index: int
    wrong: list[str] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)

    @property
    def tone(self) -> str:
        """What kind of thing it does, as a colour."""
        return KINDS[self.kind].tone if self.kind in KINDS else "goal"

    @property
    def label(self) -> str:
        """Its kind in words, for whoever does not see the icon."""
        return str(_(KINDS[self.kind].label) if self.kind in KINDS else _("Beginning"))


def head(flow: Flow) -> dict[str, Any]:
    """What every page of a flow draws."""
    session = db.session()
    version, verbs = draft_state.running(session, flow), possible(session, flow, by=g.actor)
    return {
        "flow": flow,
        "verbs": verbs,
        "becomes": waiting.becomes(flow) if version and "activate" in verbs else "",
        "beside": draft_state.of(session, flow) if version else "",
        "version": version,
        "is_open": g.actor.may("flows:start") and by_hand.is_open(session, flow),
        "resuming": resuming.waiting(session, flow),
        "people": drafts.people_in(session, [flow]).get(flow.id, 0),
    }


def editor(flow: Flow) -> dict[str, Any]:
    """What the editor draws: the draft, its problems, undo and redo."""
    session = db.session()
    chart = parse(flow.definition)
    found = validation.problems(session, flow)
    undo, redo = drafts.can_travel(session, flow)
    return {
        **canvas(chart, found),
        "problems": [(one, said(Problem.issue(one))) for one in found],
        "can_undo": undo,
        "can_redo": redo,
        "editable": True,
        "outline": request.args.get("view") == "outline",
    }


def canvas(chart: Flowchart, found: Sequence[Problem] = ()) -> dict[str, Any]:
    """The tree, ready to be drawn."""
    speaker = words.speaker(chart)
    wrong: dict[str, list[str]] = {}
    for one in found:
        if one.level == "error":
            wrong.setdefault(one.step, []).append(said(one.issue()))
    title, print_ = speaker.trigger()
    begin = Box(TRIGGER, TRIGGER, "player-play", title, print_, 0, wrong.get(TRIGGER, []))
    return {
        "begin": begin,
        "rules": rules(speaker),
        "rules_wrong": wrong.get(RULES, []),
        "steps": _lane(speaker, chart.lane, wrong),
        "root": edits.ROOT,
        "kinds": grouped(),
        "editable": False,
        "numbers": {},
        "crowd": None,
    }


def of_version(version: FlowVersion) -> dict[str, Any]:
    """The tree of a version."""
    return canvas(parse(version.definition))


def grouped() -> list[tuple[str, list[tuple[str, words.Kind]]]]:
    """The kinds of steps by what they are for, as palette and menu show them."""
    groups: dict[str, list[tuple[str, words.Kind]]] = {}
    for name, kind in KINDS.items():
        groups.setdefault(kind.group, []).append((name, kind))
    return list(groups.items())


def rules(speaker: Speaker) -> str:
    """The rules of the whole in a line."""
    chart, parts = speaker.chart.rules, []
    if chart.exits or chart.exit_segment_id:
        parts.append(_("some leave early"))
    if chart.holdout_percent:
        parts.append(_("%(percent)s%% are a control group", percent=chart.holdout_percent))
    late = {
        "send": _("what is late is sent"),
        "skip": _("what is late is left out"),
        "leave": _("whoever is late leaves"),
    }
    return ", ".join([*parts, late[chart.late]])


def _lane(speaker: Speaker, lane: Sequence[Step], wrong: Mapping[str, list[str]]) -> list[Box]:
    return [_box(speaker, step, n, wrong) for n, step in enumerate(lane)]


def _box(speaker: Speaker, step: Step, index: int, wrong: Mapping[str, list[str]]) -> Box:
    title, print_ = speaker.step(step)
    ways = [
        Way(f"{step.id}:{one.key}", words.branch(one.key, one.label), _who(step, one), _lane(speaker, one.lane, wrong))
        for one in step.branches
    ]
    return Box(step.id, step.type, KINDS[step.type].icon, title, print_, index, wrong.get(step.id, []), ways)


def _who(step: Step, branch: Branch) -> str:
    if branch.percent is not None:
        return f"{branch.percent}%"
    if step.type == "split" and branch.when:
        return segments.sentence(branch.when)
    return "" if branch.key == ELSE or step.type != "split" else _("No condition yet")
