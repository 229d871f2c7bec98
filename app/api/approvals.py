"""Requests for a second person: list, look, decide, take back."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.core.db import db
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.http import subjects
from app.http.auth import allow
from app.http.compression import told_once
from app.http.inputs import Strict

bp = Blueprint("approvals_api", __name__, url_prefix="/approvals")


class Note(Strict):
    """What a person says with a decision."""

    note: str = Field(default="", max_length=2000)


def _one(approval: Approval, **more: object) -> ResponseReturnValue:
    """One request, and what the caller can do with it."""
    actions = sorted(decisions.possible(db.session(), approval, by=g.actor))
    return envelope.ok({**request_out(approval), "actions": actions, **more})


def request_out(approval: Approval) -> dict[str, Any]:
    """A request as the API shows it; what is secret in a change is not part of it."""
    return {
        "id": approval.id,
        "subject": {"kind": approval.subject_kind, "id": approval.subject_id, "name": approval.subject_name},
        "state": approval.state,
        "summary": approval.summary,
        "needs": approval.needs,
        "made_by": approval.made_by,
        "made_at": approval.made_at,
        "expires_at": approval.expires_at,
        "decided_by": approval.decided_by,
        "decided_at": approval.decided_at,
        "note": approval.note,
    }


@bp.get("")
@allow("approvals:read")
@envelope.asks("state", paged=True)
def index() -> ResponseReturnValue:
    """List requests, newest first; filter `state` (pending, approved, rejected, void, expired, decided)."""
    page = decisions.listed(db.session(), envelope.ask(), by=g.actor, state=request.args.get("state", ""))
    return envelope.listed(page, request_out)


@bp.get("/<uuid:approval_id>")
@allow("approvals:read")
def show(approval_id: UUID) -> ResponseReturnValue:
    """One request."""
    return _one(decisions.read(db.session(), approval_id, by=g.actor))


@bp.post("/<uuid:approval_id>/approve")
@envelope.once("approvals:read")
def approve(approval_id: UUID) -> ResponseReturnValue:
    """Decide for a change of settings or rights, which is carried out; a first password is told here, once."""
    said = envelope.body(Note)
    session = db.session()
    approval = decisions.read(session, approval_id, by=g.actor)
    given = subjects.approve(session, approval, note=said.note, by=g.actor)
    first = {"user_id": given.user.id, "first_password": told_once(given.password)} if given else {}
    return _one(approval, **first)


@bp.post("/<uuid:approval_id>/reject")
@envelope.once("approvals:read")
def reject(approval_id: UUID) -> ResponseReturnValue:
    """Refuse a change with a note."""
    said = envelope.body(Note)
    return _one(subjects.reject(db.session(), approval_id, note=said.note, by=g.actor))


@bp.post("/<uuid:approval_id>/withdraw")
@envelope.once("approvals:read")
def withdraw(approval_id: UUID) -> ResponseReturnValue:
    """Take one's own request back."""
    return _one(decisions.withdraw(db.session(), approval_id, by=g.actor))
