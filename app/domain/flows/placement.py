"""Where people stand, version by version, and what becomes of those in older ones when a new one runs."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import load
from app.domain.flows import engine, lookback
from app.domain.flows.course import Course, course_of
from app.domain.flows.models import Flow, FlowRun, FlowVersion
from app.domain.flows.steps import WAITS, Happening

FINISH, GO_ON, LEAVE, MOVE = "finish", "go_on", "leave", "move:"
Choices = Mapping[UUID, Mapping[str, str]]  # of a version, of a step
_SQL = load("flows/queries.sql")


def waiting_by_step(session: Session, flow: Flow) -> dict[UUID, dict[str, int]]:
    """How many people stand at each step of each version, those whose step has failed among them."""
    query = (
        select(FlowRun.version_id, FlowRun.step, func.count())
        .where(FlowRun.flow_id == flow.id, FlowRun.state.in_(("active", "failed")))
        .group_by(FlowRun.version_id, FlowRun.step)
    )
    found: dict[UUID, dict[str, int]] = {}
    for version_id, step, number in session.execute(query):
        found.setdefault(version_id, {})[str(step)] = number
    return found


def carry(session: Session, flow: Flow, version: FlowVersion, choices: Choices) -> dict[str, int]:
    """Do with those in older versions what was chosen for the step where they stand; how many, by what was done.

    Without a choice people finish the version they entered: so does who would go on at a step that the new one does not have.
    """
    new, done = course_of(session, version.id), dict[str, int]()
    for version_id, steps in waiting_by_step(session, flow).items():
        if version_id == version.id:
            continue
        old = course_of(session, version_id)
        for step in steps:
            choice = choices.get(version_id, {}).get(step, FINISH)
            if number := _carried(session, old, new, step, choice):
                done[choice.partition(":")[0]] = done.get(choice.partition(":")[0], 0) + number
    return done


def leave_all(session: Session, flow: Flow, reason: str) -> int:
    """Everybody who is in it leaves."""
    at = {"flow": flow.id, "reason": reason, "now": clock.now()}
    return int(session.execute(_SQL["leave_all"], at).scalar_one())


def _carried(session: Session, old: Course, new: Course, step: str, choice: str) -> int:
    """Move everybody at a step of an old version, as was chosen; one statement."""
    at = {"flow": old.flow_id, "old": old.version_id, "step": step, "now": clock.now()}
    if choice == LEAVE:
        return int(session.execute(_SQL["leave_version"], at).scalar_one())
    to = choice.removeprefix(MOVE) if choice.startswith(MOVE) else step
    if choice == FINISH or to not in new.graph.nodes:
        return 0
    into = new.graph.nodes[to].step
    was = old.graph.nodes.get(step)
    stays = choice == GO_ON and was is not None and was.step.type == into.type and into.type in WAITS
    waits_for = lookback.awaited(into.config) if isinstance(into.config, Happening) else None
    where = {"new": new.version_id, "to": to, "stays": stays, "waits_for": waits_for, "port": engine.by_itself(into)}
    return int(session.execute(_SQL["carry"], {**at, **where}).scalar_one())
