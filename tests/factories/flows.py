"""Flows that run, for tests: a version is made as an approval would make it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.unit import actor_of
from app.domain.flows import clockwork, hearing, pinned, runs, starts, triggers
from app.domain.flows.definition import parse
from app.domain.flows.models import Flow, FlowLog, FlowRun, FlowVersion

Step = dict[str, Any]
BY_CALL: Step = {"id": "trigger", "type": "api", "config": {}}


def step(step_id: str, kind: str, branches: Sequence[Step] = (), **config: Any) -> Step:
    """One step as JSON."""
    return {"id": step_id, "type": kind, "config": config} | ({"branches": list(branches)} if branches else {})


def branch(key: str, *lane: Step, **more: Any) -> Step:
    """One branch as JSON."""
    return {"key": key, "lane": list(lane), **more}


def drawing(*lane: Step, trigger: Step = BY_CALL, **rules: Any) -> dict[str, Any]:
    """A whole flow as JSON, in its normal form."""
    return parse({"schema": 1, "trigger": trigger, "rules": rules, "lane": list(lane)}).dump()


def flow(session: Session, *lane: Step, trigger: Step = BY_CALL, name: str = "A flow", **rules: Any) -> Flow:
    """A flow that runs."""
    now, organisation_id = clock.now(), actor_of(session).organisation_id
    made = Flow(
        organisation_id=organisation_id, name=name, state="draft", definition=drawing(*lane, trigger=trigger, **rules),
        editors=[], created_by=uuid4(), created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(made)
    session.flush()
    made.state, made.version_id = "active", version(session, made).id
    triggers.begin_listening(session, made)
    session.flush()
    return made


def version(session: Session, flow: Flow, number: int = 1) -> FlowVersion:
    """The draft of a flow as a version."""
    made = FlowVersion(
        organisation_id=flow.organisation_id, flow_id=flow.id, number=number, definition=flow.definition,
        pinned=pinned.present(session, flow).model_dump(mode="json"), created_by=flow.created_by, created_at=clock.now(),
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def enter(session: Session, flow: Flow, contact_ids: Sequence[UUID], **trigger: Any) -> int:
    """Let some contacts begin."""
    return starts.enter(session, flow, starts.those(contact_ids), {"type": "api", **trigger})


def walk(session: Session) -> int:
    """What a worker does until nothing is left to do; how many batches it took."""
    batches = 0
    while hearing.hear(session) or clockwork.tick(session) or runs.walk_some(session):
        batches += 1
    return batches


def places(session: Session, flow: Flow) -> dict[str, int]:
    """How many stand at each step, and how many have ended, by how."""
    session.expire_all()
    found: dict[str, int] = {}
    for run in session.execute(select(FlowRun).where(FlowRun.flow_id == flow.id)).scalars():
        name = (
            run.step
            if run.step and run.state == "active"
            else f"{run.state}" + (f" {run.reason}" if run.reason else "")
        )
        found[name] = found.get(name, 0) + 1
    return found


def path(session: Session, run_id: UUID) -> list[str]:
    """What happened to a run, in short: `kind step port`."""
    rows = session.execute(select(FlowLog).where(FlowLog.run_id == run_id).order_by(FlowLog.id)).scalars()
    return [" ".join(part for part in (row.kind, row.step, row.port) if part) for row in rows]


def run_of(session: Session, contact_id: UUID) -> FlowRun:
    """The newest run of a contact, as it is now."""
    query = select(FlowRun).where(FlowRun.contact_id == contact_id).order_by(FlowRun.id.desc()).limit(1)
    return session.execute(query.execution_options(populate_existing=True)).scalar_one()
