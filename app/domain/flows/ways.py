"""Where one comes to from each step of a flow: what nobody reaches, and circles in which nobody waits."""

from collections.abc import Collection, Iterable, Mapping

from app.domain.flows.definition import Flowchart, Step
from app.domain.flows.steps import WAITS, GoTo

Ways = Mapping[str, tuple[str, ...]]


def ways(chart: Flowchart) -> Ways:
    """The steps that may follow each step. A branch that just ends goes on behind its parent."""
    found: dict[str, tuple[str, ...]] = {}

    def walk(lane: tuple[Step, ...], behind: tuple[str, ...]) -> None:
        for n, step in enumerate(lane):
            after = (lane[n + 1].id,) if n + 1 < len(lane) else behind
            firsts = [(branch.lane[0].id,) if branch.lane else after for branch in step.branches]
            found[step.id] = _next(step, tuple(dict.fromkeys(i for first in firsts for i in first)), after)
            for branch in step.branches:
                walk(branch.lane, after)

    walk(chart.lane, ())
    return found


def unreached(chart: Flowchart) -> list[str]:
    """The steps nobody comes to. To a goal one may leap from anywhere before it."""
    follows = ways(chart)
    begins = [step.id for step in chart.lane[:1]] + [step.id for step in chart.steps() if step.type == "goal"]
    reached = _from(begins, follows)
    return [step.id for step in chart.steps() if step.id not in reached]


def circles(chart: Flowchart) -> list[str]:
    """The jumps that lead back to themselves without a wait in between."""
    follows, waits = ways(chart), {step.id for step in chart.steps() if step.type in WAITS}
    jumps = [step.id for step in chart.steps() if step.type == "go_to"]
    return [one for one in jumps if one in _from(follows[one], follows, without=waits)]


def _next(step: Step, branches: tuple[str, ...], after: tuple[str, ...]) -> tuple[str, ...]:
    if step.type == "exit":
        return ()
    if isinstance(step.config, GoTo):
        return (step.config.target,) if step.config.target else ()
    return branches if step.branches else after


def _from(begins: Iterable[str], follows: Ways, without: Collection[str] = ()) -> set[str]:
    waiting, reached = list(begins), set[str]()
    while waiting:
        one = waiting.pop()
        if one not in reached and one not in without and one in follows:
            reached.add(one)
            waiting += follows[one]
    return reached
