"""Ways out: the end, back to an earlier step, on to another flow, and the call of another system."""

from collections.abc import Iterable, Sequence

from app.core.unit import actor_of, enqueue_after_commit
from app.domain.flows import lookback, starts
from app.domain.flows.batch import Batch, Outcome, Pass, Rest, Run
from app.domain.flows.engine import ENOUGH, NEXT, Node
from app.domain.flows.models import Flow
from app.domain.flows.steps import GoTo

CALL = "call"  # what is waited for where another system is called


def leave(_batch: Batch, _node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """The way ends here."""
    return [(run, Pass(NEXT)) for run in runs]


def go_to(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """To another step, until he has gone this way as often as he may; or into another flow, if it runs."""
    config = node.step.config
    assert isinstance(config, GoTo)
    if config.flow_id:
        why = _begin(batch, config, runs)
        return [(run, Pass(NEXT, why)) for run in runs]
    before = lookback.passes(batch, node.step.id, runs)
    return [(run, Pass(NEXT if before[run.id] < config.max_visits else ENOUGH)) for run in runs]


def _begin(batch: Batch, config: GoTo, runs: Sequence[Run]) -> dict[str, object]:
    other = batch.session.get(Flow, config.flow_id)
    if other is None or other.state != "active":
        return {"flow": config.flow_id, "refused": "not active"}
    people = starts.those([run.contact_id for run in runs])
    starts.enter(batch.session, other, people, {"type": "flow", "flow": str(batch.course.flow_id)})
    return {"flow": config.flow_id}


def call(batch: Batch, _node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Another system is called outside of any transaction (calls.py): until then he stands here."""
    batch.begin_visits(runs)
    enqueue_after_commit(batch.session, starts.CALLING, actor_of(batch.session).organisation_id)
    return [(run, Rest(batch.now, None, CALL)) for run in runs]
