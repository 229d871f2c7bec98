"""The people who wait at steps of what runs, and what becomes of them with a new version."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict

from app.core.db import db
from app.domain.flows import draft_state, moving, pinned
from app.domain.flows.definition import parse
from app.domain.flows.models import Flow
from app.domain.flows.placement import FINISH
from app.web.flows import words


@dataclass(frozen=True)
class Place:
    """Some people at a step of a version; `chosen` is what becomes of them."""

    field: str
    version: int
    title: str
    number: int
    choices: list[tuple[str, str]]
    chosen: str


def of(flow: Flow, form: Mapping[str, str]) -> list[Place]:
    """Everywhere somebody waits."""
    speaker = words.speaker(chart := parse(flow.definition))
    new = [(f"move:{one.id}", _("move to “%(step)s”", step=speaker.step(one)[0])) for one in chart.steps()]
    found = []
    for version, numbers in moving.waiting(db.session(), flow):
        old = words.speaker(parse(version.definition))
        for step, number in numbers.items():
            field = f"{version.id}.{step}"
            stays = chart.step(step) is not None
            choices = [
                ("finish", _("finish version %(number)s", number=version.number)),
                *([("go_on", _("go on in the new version from here"))] if stays else []),
                *new,
                ("leave", _("leave the flow")),
            ]
            chosen = form.get(field, "go_on" if stays else "finish")
            found.append(Place(field, version.number, old.name_of(step), number, choices, chosen))
    return found


def chosen(form: "MultiDict[str, str]") -> dict[UUID, dict[str, str]]:
    """What was chosen, by version and step."""
    found: dict[UUID, dict[str, str]] = {}
    for field, choice in form.items():
        version, _dot, step = field.partition(".")
        if len(version) == 36 and step:
            found.setdefault(UUID(version), {})[step] = choice
    return found


def said(flow: Flow, choices: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """What was chosen, in words: for whoever decides about it."""
    speaker, versions = words.speaker(parse(flow.definition)), moving.versions_by_id(db.session(), flow)
    found = []
    for version_id, steps in choices.items():
        version = versions.get(UUID(version_id))
        if version is None:
            continue
        old = words.speaker(parse(version.definition))
        for step, choice in steps.items():
            at = _("at “%(step)s” of version %(number)s", step=old.name_of(step), number=version.number)
            found.append((at, _choice(speaker, version.number, choice)))
    return found


def becomes(flow: Flow) -> str:
    """What becomes of the people on their way when the approved draft begins to run, in a sentence; of nobody nothing."""
    session, speaker = db.session(), words.speaker(parse(flow.definition))
    approval = draft_state.approval_of(session, flow)
    choices, done = pinned.of_approval(approval).choices if approval else {}, Counter[str]()
    for version, numbers in moving.waiting(session, flow):
        for step, number in numbers.items():
            choice = choices.get(version.id, {}).get(step, FINISH)
            done[_choice(speaker, version.number, choice)] += number
    what = ", ".join(f"{one} ({number})" for one, number in done.items())
    said = ngettext(
        "%(num)s person is on the way in it. They %(what)s.",
        "%(num)s people are on their way in it. They %(what)s.",
        done.total(),
        what=what,
    )
    return str(said) if done else ""


def _choice(speaker: words.Speaker, number: int, choice: str) -> str:
    if choice.startswith("move:"):
        return str(_("move to “%(step)s”", step=speaker.name_of(choice.removeprefix("move:"))))
    return str(
        {
            "finish": _("finish version %(number)s", number=number),
            "go_on": _("go on in the new version from here"),
            "leave": _("leave the flow"),
        }[choice]
    )
