"""What is different between two trees, step by step, in words."""

from dataclasses import dataclass

from flask_babel import gettext as _

from app.domain.flows import edits
from app.domain.flows.definition import Flowchart, Step
from app.web.flows import words


@dataclass(frozen=True)
class Change:
    """One step (or the trigger, the rules): what it was and what it is; one that is empty was added, or is gone."""

    what: str
    before: str
    after: str


def between(old: Flowchart, new: Flowchart) -> list[Change]:
    """The differences in reading order, what is gone last."""
    was, now = words.speaker(old), words.speaker(new)
    found = []
    if (old.trigger_type, old.trigger) != (new.trigger_type, new.trigger):
        found.append(Change(_("Beginning"), _joined(was.trigger()), _joined(now.trigger())))
    if old.rules != new.rules:
        found.append(Change(_("Rules of the whole"), _("other rules"), _("changed")))
    before, after = ({step.id: step for step in chart.steps()} for chart in (old, new))
    for step_id, step in after.items():
        there = before.get(step_id)
        if there is None:
            found.append(Change(_(words.KINDS[step.type].label), "", _joined(now.step(step))))
        elif not _same(there, step):
            found.append(Change(_(words.KINDS[step.type].label), _joined(was.step(there)), _joined(now.step(step))))
        elif edits.place(old, step_id)[0] != edits.place(new, step_id)[0] or _before(old, step_id) != _before(
            new, step_id
        ):
            found.append(Change(_(words.KINDS[step.type].label), _joined(was.step(there)), _("stands elsewhere")))
    gone = (step for step_id, step in before.items() if step_id not in after)
    return [*found, *(Change(_(words.KINDS[step.type].label), _joined(was.step(step)), "") for step in gone)]


def _same(old: Step, new: Step) -> bool:
    def ways(step: Step) -> list[tuple[object, ...]]:
        return [(one.key, one.label, one.when, one.percent) for one in step.branches]

    return old.config == new.config and ways(old) == ways(new)


def _before(chart: Flowchart, step_id: str) -> str | None:
    """The step that stands before it in its lane."""
    lane, index = edits.place(chart, step_id)
    return edits.lanes(chart)[lane][index - 1].id if index else None


def _joined(said: tuple[str, str]) -> str:
    return " · ".join(filter(None, said))
