"""Who waits for a colleague's decision: what one is asked, about whom, and the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, false, func, select, tuple_
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.db import among
from app.core.errors import Invalid
from app.core.page import Ask, Page, fetch
from app.domain.contacts.models import Contact
from app.domain.flows import people
from app.domain.flows.course import course_of
from app.domain.flows.definition import Step
from app.domain.flows.models import Flow, FlowRun, FlowVersion
from app.domain.flows.people import ASKED, DECIDES, Act
from app.domain.flows.steps import Review


@dataclass(frozen=True)
class Question:
    """What a role is asked at a step of a version: about how many people, and since when the longest waits."""

    flow_id: UUID
    flow_name: str
    version_id: UUID
    step: Step
    people: int
    since: datetime

    @property
    def role(self) -> str | None:
        """Who is asked."""
        return self.step.config.role if isinstance(self.step.config, Review) else None


def questions(session: Session, *, by: Actor) -> list[Question]:
    """What this actor is asked, the longest waiting first: one row a step, however many people stand there."""
    require(by, DECIDES)
    return [one for one in _asked(session, by) if one.role == by.role]


def waiting(session: Session, ask: Ask, *, flow_id: UUID | None = None, by: Actor) -> Page[Row[Any]]:
    """A page of people who wait, whose time runs out first at the top: the run, the customer number, the flow, its version.

    Of a flow everybody who waits in it, whoever is asked; else those this actor is asked about.
    """
    require(by, "flows:read")
    shown: tuple[Any, ...] = FlowRun, Contact.external_id, Flow.name, FlowVersion
    query = (
        select(*shown)
        .outerjoin(Contact, Contact.id == FlowRun.contact_id)
        .join(Flow, Flow.id == FlowRun.flow_id)
        .join(FlowVersion, FlowVersion.id == FlowRun.version_id)
        .where(*ASKED, FlowRun.flow_id == flow_id if flow_id else _mine(questions(session, by=by)))
    )
    table = FlowRun.__table__.c
    return fetch(session, query, [table.due_at, table.id], ask)


def decide(session: Session, act: Act, *, is_approved: bool) -> int:
    """Answer for some of those who wait, of whatever flow; how many. Raises as people.decide.

    Flows in which somebody else has answered for all of them meanwhile are left as they are.
    """
    require(act.by, DECIDES)
    if not act.run_ids:
        raise Invalid.field("runs", people.NOBODY)
    chosen = select(FlowRun.flow_id).where(among(FlowRun.id, act.run_ids))
    query = chosen.where(*ASKED).distinct().order_by(FlowRun.flow_id)
    flows = session.execute(query).scalars().all() or session.execute(chosen.limit(1)).scalars().all() or [UUID(int=0)]
    return sum(people.decide(session, one, act, is_approved=is_approved) for one in flows)


def _asked(session: Session, by: Actor) -> Iterator[Question]:
    """Every step of every version at which somebody waits."""
    since = func.min(FlowRun.arrived_at)
    query = (
        select(FlowRun.flow_id, FlowRun.version_id, FlowRun.step, func.count(), since)
        .where(FlowRun.organisation_id == by.organisation_id, *ASKED)
        .group_by(FlowRun.flow_id, FlowRun.version_id, FlowRun.step)
        .order_by(since)
    )
    for flow_id, version_id, step, number, longest in session.execute(query).all():
        node = course_of(session, version_id).graph.nodes[step or ""]
        yield Question(flow_id, session.get_one(Flow, flow_id).name, version_id, node.step, number, longest)


def _mine(found: Sequence[Question]) -> ColumnElement[bool]:
    places = [(one.version_id, one.step.id) for one in found]
    return tuple_(FlowRun.version_id, FlowRun.step).in_(places) if places else false()
