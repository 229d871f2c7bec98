"""A version of a flow, ready to be walked: its graph, and what it is pinned to."""

from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.flows.definition import Flowchart, parse
from app.domain.flows.engine import Graph, graph_of
from app.domain.flows.models import FlowVersion
from app.domain.flows.pinned import Pinned
from app.domain.flows.steps import WaitFor
from app.domain.messages import told
from app.domain.segments import compiler
from app.domain.segments import pinned as segments
from app.domain.segments.context import CompileContext


@dataclass(frozen=True)
class Course:
    """One version. It never changes."""

    flow_id: UUID
    version_id: UUID
    approval_id: UUID | None
    graph: Graph
    pinned: Pinned

    @property
    def chart(self) -> Flowchart:
        return self.graph.chart

    @cached_property
    def dids(self) -> tuple[str, ...]:
        """What it waits to hear of its own messages; whoever waits for something of one hears that it failed, too."""
        wanted = (*(one.config for one in self.chart.steps()), *self.chart.rules.exits)
        named = {did for one in wanted if (did := getattr(one, "did", None))}
        waits = any(isinstance(one, WaitFor) and one.did for one in wanted)
        return tuple(sorted(named | ({told.FAILED} if waits else set())))

    @cached_property
    def events(self) -> tuple[str, ...]:
        """The names of the events it listens to, its trigger's among them."""
        wanted = (self.chart.trigger, *(one.config for one in self.chart.steps()), *self.chart.rules.exits)
        return tuple(sorted({name for one in wanted for name in one.events}))

    def around(self, session: Session) -> CompileContext:
        """The setting its conditions are compiled in: other segments as they were approved."""
        return replace(compiler.compile_context(session), opened=segments.opened(session, self.pinned.definitions))


def course_of(session: Session, version_id: UUID) -> Course:
    """A version by its id."""
    version = session.get_one(FlowVersion, version_id)
    return Course(
        version.flow_id,
        version.id,
        version.approval_id,
        graph_of(parse(version.definition)),
        Pinned.model_validate(version.pinned),
    )
