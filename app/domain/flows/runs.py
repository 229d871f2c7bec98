"""Runs that are due are taken up by the step, up to a thousand at a time, and walked on until they wait or end.

One transaction a batch: a worker that dies in it has done nothing. Where another system is called: calls.py.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from time import monotonic
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.flows import clockwork, hearing
from app.domain.flows.batch import Batch, run_of
from app.domain.flows.course import course_of
from app.domain.flows.models import Flow
from app.domain.flows.walking import walk

AT_ONCE = 1000
_SQL = load("flows/queries.sql")
OpenUnit = Callable[[], AbstractContextManager[Session]]


def execute(open_unit: OpenUnit, *, seconds: float = 30, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Hear what was told, look at the clock, walk who is due, each in a transaction; True if the time is over before."""
    until = monotonic() + seconds
    while not stopping() and monotonic() < until:
        did = 0
        for act in (hearing.hear, clockwork.tick, walk_some):
            with open_unit() as session:
                did += act(session)
        if not did:
            return False
    return True


def walk_some(session: Session) -> int:
    """Walk the next batch, of the step where somebody has been due longest; how many. The caller commits and calls again."""
    organisation_id = actor_of(session).organisation_id
    session.execute(_SQL["walking"], {"organisation": organisation_id})
    for row in session.execute(_SQL["due_steps"], {"now": clock.now(), "organisation": organisation_id}).all():
        if number := _walk(session, row.flow_id, row.version_id, row.step):
            return number
    return 0


def _walk(session: Session, flow_id: UUID, version_id: UUID, step: str) -> int:
    flow = running(session, flow_id)
    if flow is None:
        return 0
    batch = Batch(session, course_of(session, version_id), clock.now(), flow.name)
    due = {"version": version_id, "step": step, "now": batch.now, "zone": batch.zone, "most": AT_ONCE}
    runs = [run_of(row) for row in session.execute(_SQL["claim"], due).mappings()]
    if runs:
        walk(batch, step, runs)
    return len(runs)


def running(session: Session, flow_id: UUID) -> Flow | None:
    """A flow that runs, held so that nobody pauses it until the end of the transaction."""
    query = select(Flow).where(Flow.id == flow_id, Flow.state == "active").with_for_update(read=True)
    return session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()


def are_due(session: Session) -> bool:
    """True if somebody is due, something was told, or the clock has to be looked at."""
    looked = {"now": clock.now(), "organisation": actor_of(session).organisation_id}
    if hearing.is_waiting(session) or clockwork.is_due(session):
        return True
    return session.execute(_SQL["due_steps"], looked).first() is not None
