"""The review: what the flow will do, drawn as it runs, everything it sends, and the decision with a fresh code."""

from typing import Any
from uuid import UUID

from flask import flash, g, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.domain.access import users
from app.domain.approvals import decisions
from app.domain.flows import draft_state, drafts, lifecycle, pinned, preview, validation
from app.domain.flows.definition import parse
from app.domain.flows.drafts import SUBJECT
from app.domain.flows.models import Flow
from app.domain.flows.possible import blocked_reason
from app.domain.flows.states import NEEDS
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web import factor
from app.web.approvals import ReviewForm, following
from app.web.flows import changes, drawn, waiting
from app.web.flows.blueprint import bp
from app.web.render import leave_for


@bp.get("/<uuid:flow_id>/review")
@allow("approvals:read")
def review(flow_id: UUID) -> ResponseReturnValue:
    """What was submitted, and the decision."""
    return _page(drafts.get(db.session(), flow_id, by=g.actor), ReviewForm())


@bp.get("/<uuid:flow_id>/review/<uuid:approval_id>/state")
@allow("approvals:read")
def review_state(flow_id: UUID, approval_id: UUID) -> ResponseReturnValue:
    """What has become of a request while its page is read; polled."""
    session = db.session()
    flow, approval = drafts.get(session, flow_id, by=g.actor), decisions.read(session, approval_id, by=g.actor)
    newest = decisions.of_subject(session, (SUBJECT, flow_id))[0]
    reason = blocked_reason(session, flow, approval, by=g.actor)
    return following(approval, reason, url_for(".review", flow_id=flow_id), newer=newest.id != approval_id)


@bp.post("/<uuid:flow_id>/approve")
@allow("flows:approve")
def approve(flow_id: UUID) -> ResponseReturnValue:
    """Let it be activated."""
    form = ReviewForm()
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    actor = factor.confirm(form) if form.validate() and form.is_sure() else None
    if actor is None:
        return _page(flow, form, 422)
    try:
        lifecycle.approve(db.session(), flow_id, note=form.note.data or "", seen=form.request(), by=actor)
    except Conflict as error:
        return _page(flow, form, 409, said(error))
    flash(_("Approved. It runs as soon as somebody lets it run."), "success")
    return leave_for(url_for(".show", flow_id=flow_id))


@bp.post("/<uuid:flow_id>/reject")
@allow("flows:approve")
def reject(flow_id: UUID) -> ResponseReturnValue:
    """Send it back to its author with a note."""
    form = ReviewForm()
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    try:
        lifecycle.reject(db.session(), flow_id, note=form.note.data or "", seen=form.request(), by=g.actor)
    except Invalid as error:
        inputs.onto(form, error)
        return _page(flow, form, 422)
    except Conflict as error:
        return _page(flow, form, 409, said(error))
    flash(_("Sent back to its author with your note."), "success")
    return leave_for(url_for("approvals.index"))


def _page(flow: Flow, form: ReviewForm, status: int = 200, refused: str = "") -> ResponseReturnValue:
    session = db.session()
    requests = decisions.of_subject(session, (SUBJECT, flow.id))
    if not requests:
        return make_response(render_template("flows/review_none.html", flow=flow))
    approval = requests[0]
    what = pinned.of_approval(approval)
    reason = blocked_reason(session, flow, approval, by=g.actor)
    chart = parse(what.definition)
    hints = validation.hints(session, flow, chart) if approval.state == "pending" else []
    people = [approval.made_by, *approval.editors, *([approval.decided_by] if approval.decided_by else [])]
    form.seen.data = str(approval.id)
    form.sure.label.text = _("Yes, whoever enters it goes these ways and is sent these texts.")
    running = draft_state.running(session, flow)
    values: dict[str, Any] = {
        **drawn.head(flow),
        **drawn.canvas(chart),
        "approval": approval,
        "names": users.names(session, people),
        "summary": approval.summary,
        "texts": preview.texts(session, what.pinned, by=g.actor),
        "hints": [(one.step, said(one.issue())) for one in hints],
        "choices": waiting.said(flow, approval.summary.get("choices", {})),
        "differences": changes.between(parse(running.definition), chart) if running else None,
        "form": form,
        "fresh": factor.is_fresh(),
        "refused": refused,
        "blocked_reason": reason,
        "follow": url_for(".review_state", flow_id=flow.id, approval_id=approval.id, was=reason),
        "changed": reason == "changed",
        "approvers": [user.name for user in decisions.deciders(session, approval, NEEDS["approve"])],
    }
    return make_response(render_template("flows/review.html", **values), status)
