"""/flows: drafts and their edits, and the verbs of their life."""

from typing import Any
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.api.approvals import request_out
from app.api.flows.blueprint import bp
from app.core.db import db
from app.domain.flows import (
    draft_state,
    drafts,
    lifecycle,
    moving,
    ready_made,
    resuming,
    validation,
)
from app.domain.flows.drafts import FlowInput
from app.domain.flows.edits import Edit
from app.domain.flows.models import Flow, FlowVersion
from app.domain.flows.possible import possible
from app.http.auth import allow
from app.http.errors import said
from app.http.inputs import Strict


class Decision(Strict):
    """What an approver says; with `approval_id` another request since he read it is a conflict."""

    note: str = Field(default="", max_length=2000)
    approval_id: UUID | None = None


class Submission(Strict):
    """What becomes of people on their way, by version and step: finish, go_on, leave, or move:<step>."""

    choices: dict[UUID, dict[str, str]] = {}


class ReadyMade(Strict):
    """A ready-made flow, by its key and the language of its words."""

    like: str
    name: str = Field(min_length=1, max_length=120)
    description: str | None = Field(default=None, max_length=2000)
    language: str = Field(default="en", pattern="^(en|he)$")


def serialize(flow: Flow) -> dict[str, Any]:
    """A flow as the API shows it."""
    names = ("id", "name", "description", "state", "definition", "revision", "version_id", "approval_id", "paused_at")
    more = ("created_by", "created_at", "updated_at", "archived_at")
    return {name: getattr(flow, name) for name in (*names, *more)}


def _one(flow: Flow, status: int = 200) -> ResponseReturnValue:
    location = f"/api/v1/flows/{flow.id}" if status == 201 else None
    out = {
        **serialize(flow),
        "draft": draft_state.of(db.session(), flow),
        "actions": sorted(possible(db.session(), flow, by=g.actor)),
    }
    return envelope.ok(out, status, location=location, version=flow.revision)


@bp.get("")
@allow("flows:read")
@envelope.asks("state", "q", paged=True)
def index() -> ResponseReturnValue:
    """List flows; filters `state` and `q`. Archived ones only with `state=archived`."""
    session = db.session()
    page = drafts.listed(session, envelope.ask(), by=g.actor, state=envelope.word("state"), text=envelope.word("q"))
    inside = drafts.people_in(session, page.items)
    return envelope.listed(page, lambda flow: serialize(flow) | {"people": inside.get(flow.id, 0)})


@bp.post("")
@envelope.once("flows:write")
def create() -> ResponseReturnValue:
    """Make a draft."""
    return _one(drafts.create(db.session(), envelope.body(FlowInput), by=g.actor), 201)


@bp.post("/ready-made")
@envelope.once("flows:write")
def create_ready_made() -> ResponseReturnValue:
    """Make a draft of a ready-made flow."""
    new = envelope.body(ReadyMade)
    made = ready_made.create(
        db.session(), new.like, name=new.name, description=new.description, language=new.language, by=g.actor
    )
    return _one(made, 201)


@bp.get("/ready-made")
@allow("flows:read")
def ready_made_ones() -> ResponseReturnValue:
    """The ready-made flows."""
    found = ready_made.FLOWS.values()
    return envelope.all_of(found, lambda one: {"key": one.key, "name": one.name, "definition": one.definition("en")})


@bp.get("/<uuid:flow_id>")
@allow("flows:read")
def show(flow_id: UUID) -> ResponseReturnValue:
    """One flow."""
    return _one(drafts.get(db.session(), flow_id, by=g.actor))


@bp.patch("/<uuid:flow_id>")
@allow("flows:write")
def change(flow_id: UUID) -> ResponseReturnValue:
    """Change name, description or the whole definition; a draft in review is taken back."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    present = {"name": flow.name, "description": flow.description, "definition": flow.definition}
    new = envelope.patched(FlowInput, present)
    return _one(drafts.update(db.session(), flow_id, new, revision=envelope.version_asked(), by=g.actor))


@bp.delete("/<uuid:flow_id>")
@allow("flows:write")
@envelope.asks("leave")
def archive(flow_id: UUID) -> ResponseReturnValue:
    """Archive; `leave=true` takes everybody out who is on the way."""
    lifecycle.archive(db.session(), flow_id, leave=envelope.word("leave") == "true", by=g.actor)
    return envelope.nothing()


@bp.post("/<uuid:flow_id>/edits")
@envelope.once("flows:write")
def edit(flow_id: UUID) -> ResponseReturnValue:
    """One edit of the tree: insert, move, delete, duplicate, paste, configure, branches, trigger, rules."""
    revision = envelope.version_asked()
    return _one(drafts.edit(db.session(), flow_id, envelope.body(Edit), revision=revision, by=g.actor))


@bp.post("/<uuid:flow_id>/undo")
@envelope.once("flows:write")
def undo(flow_id: UUID) -> ResponseReturnValue:
    """The draft as it was before the last change."""
    return _one(drafts.undo(db.session(), flow_id, revision=envelope.version_asked(), by=g.actor))


@bp.post("/<uuid:flow_id>/redo")
@envelope.once("flows:write")
def redo(flow_id: UUID) -> ResponseReturnValue:
    """The draft as it was before it was undone."""
    return _one(drafts.redo(db.session(), flow_id, revision=envelope.version_asked(), by=g.actor))


@bp.post("/<uuid:flow_id>/clone")
@envelope.once("flows:write")
def clone(flow_id: UUID) -> ResponseReturnValue:
    """A draft like it."""
    return _one(drafts.clone(db.session(), flow_id, by=g.actor), 201)


@bp.get("/<uuid:flow_id>/problems")
@allow("flows:read")
def problems(flow_id: UUID) -> ResponseReturnValue:
    """What keeps the draft from running, and hints."""
    found = validation.problems(db.session(), drafts.get(db.session(), flow_id, by=g.actor))
    return envelope.all_of(
        found, lambda one: {"step": one.step, "field": one.path, "issue": said(one.issue()), "level": one.level}
    )


@bp.post("/<uuid:flow_id>/submit")
@envelope.once("flows:write")
def submit(flow_id: UUID) -> ResponseReturnValue:
    """Send for approval, with what becomes of people on their way."""
    choices = envelope.body(Submission).choices
    return _one(lifecycle.submit(db.session(), flow_id, choices=choices, by=g.actor))


@bp.post("/<uuid:flow_id>/withdraw")
@envelope.once("flows:write")
def withdraw(flow_id: UUID) -> ResponseReturnValue:
    """Take it back from approval."""
    return _one(lifecycle.withdraw(db.session(), flow_id, by=g.actor))


@bp.post("/<uuid:flow_id>/approve")
@envelope.once("flows:approve")
def approve(flow_id: UUID) -> ResponseReturnValue:
    """Approve; it runs when it is activated."""
    about = envelope.body(Decision)
    return _one(lifecycle.approve(db.session(), flow_id, note=about.note, seen=about.approval_id, by=g.actor))


@bp.post("/<uuid:flow_id>/reject")
@envelope.once("flows:approve")
def reject(flow_id: UUID) -> ResponseReturnValue:
    """Send back to its author with a note."""
    about = envelope.body(Decision)
    return _one(lifecycle.reject(db.session(), flow_id, note=about.note, seen=about.approval_id, by=g.actor))


@bp.post("/<uuid:flow_id>/activate")
@envelope.once("flows:write")
def activate(flow_id: UUID) -> ResponseReturnValue:
    """Let the approved draft run."""
    lifecycle.activate(db.session(), flow_id, by=g.actor)
    return _one(drafts.get(db.session(), flow_id, by=g.actor))


@bp.post("/<uuid:flow_id>/pause")
@envelope.once("flows:stop")
def pause(flow_id: UUID) -> ResponseReturnValue:
    """Stop for now."""
    return _one(lifecycle.pause(db.session(), flow_id, by=g.actor))


@bp.post("/<uuid:flow_id>/resume")
@envelope.once("flows:stop")
def resume(flow_id: UUID) -> ResponseReturnValue:
    """Ask for it to go on; another person decides: POST /approvals/{id}/approve."""
    return envelope.ok(request_out(resuming.propose(db.session(), flow_id, by=g.actor)), 202)


@bp.post("/<uuid:flow_id>/restore")
@envelope.once("flows:write")
def restore(flow_id: UUID) -> ResponseReturnValue:
    """Bring an archived flow back as a draft."""
    return _one(lifecycle.restore(db.session(), flow_id, by=g.actor))


@bp.get("/<uuid:flow_id>/versions")
@allow("flows:read")
def versions(flow_id: UUID) -> ResponseReturnValue:
    """The versions that ran, newest first, with how many people wait at each of their steps."""
    session = db.session()
    flow = drafts.get(session, flow_id, by=g.actor)
    waiting = {version.id: steps for version, steps in moving.waiting(session, flow)}

    def version_out(one: FlowVersion) -> dict[str, Any]:
        names = ("id", "number", "definition", "approval_id", "created_by", "created_at")
        return {name: getattr(one, name) for name in names} | {"waiting": waiting.get(one.id, {})}

    return envelope.all_of(drafts.versions(session, flow), version_out)
