"""/bank/runs/{id}: overrides, the sample, the decision, the release."""

import base64
import binascii
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from app.api import envelope
from app.api.approvals import request_out
from app.api.bank import runs
from app.api.bank.blueprint import bp
from app.api.campaigns import Note
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.bank import balances, overrides, planned, release, review, sample
from app.domain.bank.models import QualificationRun
from app.domain.bank.overrides import OverrideInput
from app.domain.bank.planned import PlanInput
from app.domain.bank.review import SubmitInput
from app.domain.bank.sample import Check
from app.http.auth import allow
from app.http.sizes import MB, takes


class OverrideBody(OverrideInput):
    """A customer, the outcome that counts and why; a file that shows why as base64, with its name."""

    external_id: str
    evidence_name: str | None = None
    evidence: str | None = Field(default=None, max_length=7_000_000)


class CheckBody(BaseModel):
    """What was found by hand; null takes it back."""

    model_config = ConfigDict(extra="forbid")

    is_right: bool | None


@bp.post("/runs/<uuid:run_id>/overrides")
@envelope.once("bank:write")
@takes(8 * MB)
def override(run_id: UUID) -> ResponseReturnValue:
    """Put another outcome in the place of the calculated one."""
    session, said = db.session(), envelope.body(OverrideBody)
    contact = balances.whose(session, said.external_id, by=g.actor)
    new = OverrideInput(outcome=said.outcome, reason=said.reason)
    made = overrides.override(session, run_id, contact, new, evidence=_file(said), by=g.actor)
    return envelope.ok({"external_id": said.external_id, **runs.override_out(made)}, 201)


def _file(said: OverrideBody) -> tuple[str, bytes] | None:
    if said.evidence is None:
        return None
    try:
        return said.evidence_name or "", base64.b64decode(said.evidence, validate=True)
    except binascii.Error:
        raise Invalid.field("evidence", mark("This is not base64.")) from None


@bp.delete("/runs/<uuid:run_id>/overrides/<external_id>")
@envelope.once("bank:write")
def override_withdraw(run_id: UUID, external_id: str) -> ResponseReturnValue:
    """Let the calculated outcome stand again."""
    session = db.session()
    overrides.withdraw(session, run_id, balances.whose(session, external_id, by=g.actor), by=g.actor)
    return envelope.ok({"external_id": external_id})


@bp.get("/runs/<uuid:run_id>/sample")
@allow("bank:read")
def drawn(run_id: UUID) -> ResponseReturnValue:
    """The customers that were drawn to be checked by hand."""
    return envelope.all_of(sample.of_run(db.session(), run_id, by=g.actor), _check)


@bp.put("/runs/<uuid:run_id>/sample/<external_id>")
@envelope.once("bank:write")
def tick(run_id: UUID, external_id: str) -> ResponseReturnValue:
    """Say that an outcome was looked up by hand and is right, or is not."""
    session, said = db.session(), envelope.body(CheckBody)
    contact = balances.whose(session, external_id, by=g.actor)
    row = sample.check(session, run_id, contact, is_right=said.is_right, by=g.actor)
    return envelope.ok({"external_id": external_id, "is_right": row.is_right, "checked_at": row.checked_at})


def _check(one: Check) -> dict[str, Any]:
    names = ("place", "is_right", "checked_by", "checked_at")
    drawn_out = {name: getattr(one.drawn, name) for name in names}
    return {"external_id": one.judged.external_id, "outcome": one.judged.stands, **drawn_out}


@bp.post("/runs/<uuid:run_id>/submit")
@envelope.once("bank:write")
def submit(run_id: UUID) -> ResponseReturnValue:
    """Ask a second person to approve it."""
    return _one(review.submit(db.session(), run_id, envelope.body(SubmitInput), by=g.actor))


@bp.post("/runs/<uuid:run_id>/withdraw")
@envelope.once("bank:write")
def withdraw(run_id: UUID) -> ResponseReturnValue:
    """Take it back."""
    return _one(review.withdraw(db.session(), run_id, by=g.actor))


@bp.post("/runs/<uuid:run_id>/approve")
@envelope.once("bank:approve")
def approve(run_id: UUID) -> ResponseReturnValue:
    """Approve what was submitted; nothing is sent before its release."""
    said = envelope.body(Note)
    return _one(review.approve(db.session(), run_id, note=said.note, seen=said.approval_id, by=g.actor))


@bp.post("/runs/<uuid:run_id>/reject")
@envelope.once("bank:approve")
def reject(run_id: UUID) -> ResponseReturnValue:
    """Send it back to its officer with a note."""
    said = envelope.body(Note)
    return _one(review.reject(db.session(), run_id, note=said.note, seen=said.approval_id, by=g.actor))


@bp.post("/runs/<uuid:run_id>/release")
@envelope.once("bank:release")
def let_go(run_id: UUID) -> ResponseReturnValue:
    """Tell those who qualified, now or at the moment `at`."""
    at = envelope.body(PlanInput).at
    if at is None:
        return _moved(release.release, run_id, 202)
    return _one(planned.plan(db.session(), run_id, at, by=g.actor), 202)


@bp.delete("/runs/<uuid:run_id>/release")
@envelope.once("bank:stop")
def call_off(run_id: UUID) -> ResponseReturnValue:
    """Call a planned release off."""
    return _moved(planned.call_off, run_id)


@bp.post("/runs/<uuid:run_id>/pause")
@envelope.once("bank:stop")
def pause(run_id: UUID) -> ResponseReturnValue:
    """Stop telling for now."""
    return _moved(release.pause, run_id)


@bp.post("/runs/<uuid:run_id>/resume")
@envelope.once("bank:stop")
def resume(run_id: UUID) -> ResponseReturnValue:
    """Ask for it to go on; another person decides: POST /approvals/{id}/approve."""
    return envelope.ok(request_out(release.propose_resume(db.session(), run_id, by=g.actor)), 202)


def _moved(verb: Callable[..., QualificationRun], run_id: UUID, status: int = 200) -> ResponseReturnValue:
    return _one(verb(db.session(), run_id, by=g.actor), status)


def _one(row: QualificationRun, status: int = 200) -> ResponseReturnValue:
    actions = sorted(review.possible(db.session(), row, by=g.actor))
    return envelope.ok({**runs.serialize(row), "actions": actions}, status)
