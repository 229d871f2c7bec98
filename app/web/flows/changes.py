"""What is different between two trees, step by step, in words."""

from dataclasses import dataclass
from difflib import SequenceMatcher

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
    moved = _moved(old, new)
    for step_id, step in after.items():
        there = before.get(step_id)
        if there is None:
            found.append(Change(_(words.KINDS[step.type].label), "", _joined(now.step(step))))
        elif not _same(there, step):
            found.append(Change(_(words.KINDS[step.type].label), _joined(was.step(there)), _joined(now.step(step))))
        elif step_id in moved:
            found.append(Change(_(words.KINDS[step.type].label), _joined(was.step(there)), _("stands elsewhere")))
    gone = (step for step_id, step in before.items() if step_id not in after)
    return [*found, *(Change(_(words.KINDS[step.type].label), _joined(was.step(step)), "") for step in gone)]


def _same(old: Step, new: Step) -> bool:
    def ways(step: Step) -> list[tuple[object, ...]]:
        return [(one.key, one.label, one.when, one.percent) for one in step.branches]

    return old.config == new.config and ways(old) == ways(new)


def _moved(old: Flowchart, new: Flowchart) -> set[str]:
    """The steps that stand elsewhere: in another lane, or not among those that kept their order in it.

    Where steps were added or taken away between, nobody has moved.
    """
    was, now = ({name: [step.id for step in lane] for name, lane in edits.lanes(chart).items()} for chart in (old, new))
    kept = set()
    for name, lane in now.items():
        there = [step_id for step_id in was.get(name, ()) if step_id in lane]
        stays = [step_id for step_id in lane if step_id in there]
        for block in SequenceMatcher(None, there, stays, autojunk=False).get_matching_blocks():
            kept |= {*there[block.a : block.a + block.size]}
    return {step.id for step in new.steps()} - kept


def _joined(said: tuple[str, str]) -> str:
    return " · ".join(filter(None, said))
