"""The verbs of a flow's life: submit with what becomes of those who wait, withdraw, activate, pause, resume, archive, restore."""

from typing import Any
from uuid import UUID

from flask import flash, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import DomainError
from app.domain.flows import drafts, lifecycle, resuming, validation
from app.domain.flows.models import Flow
from app.http.auth import allow
from app.http.errors import said, status_of
from app.web.approvals import asked
from app.web.flows import drawn, waiting
from app.web.flows.blueprint import bp
from app.web.render import leave_for


@bp.get("/<uuid:flow_id>/submit")
@allow("flows:write")
def publish(flow_id: UUID) -> ResponseReturnValue:
    """What will be asked for, and what becomes of the people who wait at steps of what runs."""
    return _publish(drafts.get(db.session(), flow_id, by=g.actor))


@bp.post("/<uuid:flow_id>/submit")
@allow("flows:write")
def submit(flow_id: UUID) -> ResponseReturnValue:
    """Send for approval."""
    session = db.session()
    try:
        lifecycle.submit(session, flow_id, choices=waiting.chosen(request.form), by=g.actor)
    except DomainError as error:
        session.rollback()
        return _publish(drafts.get(session, flow_id, by=g.actor), status_of(error), said(error))
    flash(_("It waits for approval now. The approvers see it in their list."), "success")
    return leave_for(url_for(".show", flow_id=flow_id))


def _publish(flow: Flow, status: int = 200, refused: str = "") -> ResponseReturnValue:
    session = db.session()
    found = validation.problems(session, flow)
    values: dict[str, Any] = {
        **drawn.head(flow),
        "problems": [(one, said(one.issue())) for one in found],
        "errors": sum(one.level == "error" for one in found),
        "waiting": waiting.of(flow, request.form),
        "refused": refused,
    }
    return make_response(render_template("flows/publish.html", **values), status)


@bp.post("/<uuid:flow_id>/withdraw")
@allow("flows:write")
def withdraw(flow_id: UUID) -> ResponseReturnValue:
    """Take it back from approval."""
    lifecycle.withdraw(db.session(), flow_id, by=g.actor)
    flash(_("It is a draft again."), "success")
    return leave_for(url_for(".show", flow_id=flow_id))


@bp.post("/<uuid:flow_id>/activate")
@allow("flows:write")
def activate(flow_id: UUID) -> ResponseReturnValue:
    """Let it run."""
    version = lifecycle.activate(db.session(), flow_id, by=g.actor)
    flash(_("Version %(number)s runs: people enter it from now on.", number=version.number), "success")
    return leave_for(url_for(".show", flow_id=flow_id))


@bp.post("/<uuid:flow_id>/pause")
@allow("flows:stop")
def pause(flow_id: UUID) -> ResponseReturnValue:
    """Stop for now."""
    lifecycle.pause(db.session(), flow_id, by=g.actor)
    flash(_("Paused. Nobody enters and nobody goes on; what is on the wire still arrives."), "success")
    return leave_for(url_for(".show", flow_id=flow_id))


@bp.post("/<uuid:flow_id>/resume")
@allow("flows:stop")
def resume(flow_id: UUID) -> ResponseReturnValue:
    """Ask for it to go on; another person decides."""
    return leave_for(asked(resuming.propose(db.session(), flow_id, by=g.actor)))


@bp.post("/<uuid:flow_id>/clone")
@allow("flows:write")
def clone(flow_id: UUID) -> ResponseReturnValue:
    """A new draft with the same steps."""
    flow = drafts.clone(db.session(), flow_id, by=g.actor)
    flash(_("This is a copy. Give it a name of its own."), "success")
    return leave_for(url_for(".edit", flow_id=flow.id))


@bp.post("/<uuid:flow_id>/archive")
@allow("flows:write")
def archive(flow_id: UUID) -> ResponseReturnValue:
    """Put it away; with `leave` everybody on the way leaves."""
    lifecycle.archive(db.session(), flow_id, leave=bool(request.form.get("leave")), by=g.actor)
    flash(_("The flow is archived."), "success")
    return leave_for(url_for(".index"))


@bp.post("/<uuid:flow_id>/restore")
@allow("flows:write")
def restore(flow_id: UUID) -> ResponseReturnValue:
    """Bring it back as a draft."""
    lifecycle.restore(db.session(), flow_id, by=g.actor)
    flash(_("It is a draft again."), "success")
    return leave_for(url_for(".show", flow_id=flow_id))
