"""A goal on the way: whoever has done it already has reached it; the others pass by."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from app.domain.flows import lookback
from app.domain.flows.batch import Batch, Outcome, Pass, Run
from app.domain.flows.engine import NEXT, REACHED, Node
from app.domain.flows.steps import Goal


def reach(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Who did it since his entry, within its time, counts."""
    config = node.step.config
    assert isinstance(config, Goal)
    earliest = batch.now - timedelta(days=config.window_days)
    known = lookback.happened(batch, config, runs)
    for run in runs:
        if run.id in known:
            yield run, Pass(REACHED, known[run.id], converts=run.entered_at >= earliest)
        else:
            yield run, Pass(NEXT)
