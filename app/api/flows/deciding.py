"""/flows/decisions: what the caller is asked about people in flows, and the answer."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.flows.blueprint import bp
from app.core.db import db
from app.domain.flows import deciding, drafts, people
from app.domain.flows.deciding import Question
from app.http.auth import allow
from app.http.inputs import Strict


class Answer(Strict):
    """The people who are decided about, whether they may go on, and why.

    With `seen`, the newest `since` of the list that was read, nobody is decided about who came to another question later.
    """

    runs: list[UUID]
    reason: str
    approved: bool = True
    seen: datetime | None = None


def question_out(one: Question) -> dict[str, Any]:
    """A question as the API shows it."""
    return {
        "flow": {"id": one.flow_id, "name": one.flow_name},
        "version_id": one.version_id,
        "step": one.step.id,
        "role": one.role,
        "question": getattr(one.step.config, "question", None),
        "people": one.people,
        "since": one.since,
    }


@bp.get("/questions")
@allow("flows:decide")
def questions() -> ResponseReturnValue:
    """What the caller is asked: one entry a step, the longest waiting first."""
    return envelope.all_of(deciding.questions(db.session(), by=g.actor), question_out)


@bp.get("/decisions")
@allow("flows:decide")
@envelope.asks("flow", paged=True)
def decisions() -> ResponseReturnValue:
    """The people the caller is asked about; with `flow` everybody who waits in that flow, whoever is asked."""
    session, flow_id = db.session(), envelope.query_uuid("flow")
    if flow_id:
        drafts.get(session, flow_id, by=g.actor)
    return envelope.listed(deciding.waiting(session, envelope.ask(), flow_id=flow_id, by=g.actor), _waiting)


def _waiting(row: Any) -> dict[str, Any]:
    run, external_id, name, version, *_key = row
    return {
        "run": run.id, "contact_id": run.contact_id, "external_id": external_id, "flow": {"id": run.flow_id, "name": name},
        "version": version.number, "step": run.step, "since": run.arrived_at, "until": run.due_at,
    }  # fmt: skip


@bp.post("/decisions")
@envelope.once("flows:decide")
def decide() -> ResponseReturnValue:
    """Answer for some of them, of whatever flow; how many."""
    asked = envelope.body(Answer)
    act = people.Act(asked.runs, asked.reason, g.actor, asked.seen)
    return envelope.ok({"people": deciding.decide(db.session(), act, is_approved=asked.approved)})


@bp.post("/<uuid:flow_id>/runs/decide")
@envelope.once("flows:decide")
def decide_in(flow_id: UUID) -> ResponseReturnValue:
    """Answer for some of those who wait in one flow."""
    asked = envelope.body(Answer)
    act = people.Act(asked.runs, asked.reason, g.actor, asked.seen)
    return envelope.ok({"people": people.decide(db.session(), flow_id, act, is_approved=asked.approved)})
