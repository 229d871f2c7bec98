"""What a flow names outside of itself: texts, segments, destinations, other flows."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from app.domain.flows.definition import Flowchart
from app.domain.flows.steps import GoTo, Send, Webhook
from app.domain.segments.definition import named_segments


@dataclass(frozen=True)
class Uses:
    """`templates` are by the id of the step that sends them."""

    templates: dict[str, UUID]
    segments: tuple[UUID, ...]
    destinations: tuple[UUID, ...]
    flows: tuple[UUID, ...]

    def links(self) -> list[tuple[str, UUID]]:
        """As links.used_by keeps them."""
        return [
            *(("template", i) for i in self.templates.values()),
            *(("segment", i) for i in self.segments),
            *(("destination", i) for i in self.destinations),
            *(("flow", i) for i in self.flows),
        ]


def uses(chart: Flowchart) -> Uses:
    """Everything a flow names, in reading order."""
    configs = [(step.id, step.config) for step in chart.steps()]
    return Uses(
        templates={i: one.template_id for i, one in configs if isinstance(one, Send) and one.template_id},
        segments=tuple(dict.fromkeys(_segments(chart))),
        destinations=_once(one.destination_id for _, one in configs if isinstance(one, Webhook)),
        flows=_once(one.flow_id for _, one in configs if isinstance(one, GoTo)),
    )


def _segments(chart: Flowchart) -> Iterator[UUID]:
    for i in (getattr(chart.trigger, "segment_id", None), chart.rules.exit_segment_id):
        if i:
            yield i
    for step in chart.steps():
        for branch in step.branches:
            if branch.when:
                yield from named_segments(branch.when)


def _once(ids: Iterator[UUID | None]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(i for i in ids if i))
