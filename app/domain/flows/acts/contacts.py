"""Change the contact: fields and tags, by the set."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from app.domain.contacts import changing
from app.domain.flows.batch import Batch, Outcome, Pass, Run
from app.domain.flows.drafts import SUBJECT
from app.domain.flows.engine import NEXT, Node
from app.domain.flows.steps import Tag, UpdateContact


def update(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Set fields."""
    assert isinstance(node.step.config, UpdateContact)
    changing.set_fields(batch.session, _people(runs), node.step.config.set, source=_source(batch))
    return [(run, Pass(NEXT)) for run in runs]


def tag(batch: Batch, node: Node, runs: Sequence[Run]) -> Iterable[tuple[Run, Outcome]]:
    """Put tags on, and take tags away."""
    config = node.step.config
    assert isinstance(config, Tag)
    changing.retag(batch.session, _people(runs), add=config.add, remove=config.remove, source=_source(batch))
    return [(run, Pass(NEXT)) for run in runs]


def _people(runs: Sequence[Run]) -> list[UUID]:
    return [run.contact_id for run in runs]


def _source(batch: Batch) -> tuple[str, UUID]:
    return SUBJECT, batch.course.flow_id
