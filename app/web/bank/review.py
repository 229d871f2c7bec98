"""A run goes to a second person: the page on which it is submitted, and the page on which it is decided."""

from typing import Any
from uuid import UUID

from flask import flash, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core import i18n
from app.core.db import db
from app.core.errors import Conflict, DomainError, Invalid
from app.domain.access import users
from app.domain.approvals import decisions
from app.domain.bank import overrides, programmes, qualification, review
from app.domain.bank.models import QualificationRun
from app.domain.bank.qualification import SUBJECT
from app.domain.bank.review import SubmitInput
from app.domain.reports.words import GATE as GATES
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web import audit_labels, factor, reasons
from app.web.approvals import ReviewForm, following
from app.web.bank.blueprint import bp
from app.web.locale import current_language
from app.web.render import leave_for


@bp.get("/runs/<uuid:run_id>/submit")
@allow("bank:write")
def prepare(run_id: UUID) -> ResponseReturnValue:
    """What would be asked for; gates that did not pass need a reason."""
    return _submit_page(qualification.get(db.session(), run_id, by=g.actor), {})


@bp.post("/runs/<uuid:run_id>/submit")
@allow("bank:write")
def submit(run_id: UUID) -> ResponseReturnValue:
    """Ask a second person."""
    waived = {name.removeprefix("waived."): words for name, words in request.form.items() if name.startswith("waived.")}
    try:
        review.submit(db.session(), run_id, SubmitInput(waived=waived), by=g.actor)
    except (Invalid, Conflict) as error:
        db.session.rollback()
        return _submit_page(qualification.get(db.session(), run_id, by=g.actor), waived, error)
    flash(_("It waits for approval now. The approvers see it in their list."), "success")
    return leave_for(url_for(".show", run_id=run_id))


def _submit_page(
    run: QualificationRun, waived: dict[str, str], error: DomainError | None = None
) -> ResponseReturnValue:
    session = db.session()
    wrong = {one.field: said(one) for one in error.details} if error else {}
    values: dict[str, Any] = {
        "run": run,
        "programme": programmes.get(session, run.programme_id, by=g.actor),
        "blocking": [gate for gate in run.gates or [] if gate["verdict"] == "block"],
        "gates": GATES,
        "waived": waived,
        "wrong": wrong,
        "refused": said(error) if error and not any(name.startswith("waived.") for name in wrong) else "",
        "verbs": review.possible(session, run, by=g.actor),
    }
    return make_response(render_template("bank/submit.html", **values), 422 if error else 200)


@bp.get("/runs/<uuid:run_id>/review", endpoint="review")
@allow("approvals:read")
def look(run_id: UUID) -> ResponseReturnValue:
    """What was submitted, and the decision."""
    return _page(qualification.get(db.session(), run_id, by=g.actor), ReviewForm())


@bp.get("/runs/<uuid:run_id>/review/<uuid:approval_id>/state")
@allow("approvals:read")
def review_state(run_id: UUID, approval_id: UUID) -> ResponseReturnValue:
    """What has become of a request while its page is read; polled."""
    session = db.session()
    run, approval = qualification.get(session, run_id, by=g.actor), decisions.read(session, approval_id, by=g.actor)
    newest = decisions.of_subject(session, (SUBJECT, run_id))[0]
    reason = review.blocked_reason(session, run, approval, by=g.actor)
    return following(approval, reason, url_for(".review", run_id=run_id), newer=newest.id != approval_id)


@bp.post("/runs/<uuid:run_id>/approve")
@allow("bank:approve")
def approve(run_id: UUID) -> ResponseReturnValue:
    """Approve it; nothing is sent before its release."""
    form, run = ReviewForm(), qualification.get(db.session(), run_id, by=g.actor)
    actor = factor.confirm(form) if form.validate() and form.is_sure() else None
    if actor is None:
        return _page(run, form, 422)
    try:
        review.approve(db.session(), run_id, note=form.note.data or "", seen=form.request(), by=actor)
    except Conflict as error:
        db.session.rollback()
        return _page(qualification.get(db.session(), run_id, by=g.actor), form, 409, said(error))
    flash(_("Approved. Nobody is told before it is released."), "success")
    return leave_for(url_for(".show", run_id=run_id))


@bp.post("/runs/<uuid:run_id>/reject")
@allow("bank:approve")
def reject(run_id: UUID) -> ResponseReturnValue:
    """Send it back to its officer with a note."""
    form, run = ReviewForm(), qualification.get(db.session(), run_id, by=g.actor)
    try:
        review.reject(db.session(), run_id, note=form.note.data or "", seen=form.request(), by=g.actor)
    except Invalid as error:
        db.session.rollback()
        inputs.onto(form, error)
        return _page(qualification.get(db.session(), run_id, by=g.actor), form, 422)
    except Conflict as error:
        db.session.rollback()
        return _page(run, form, 409, said(error))
    flash(_("Sent back to its officer with your note."), "success")
    return leave_for(url_for("approvals.index"))


def _page(run: QualificationRun, form: ReviewForm, status: int = 200, refused: str = "") -> ResponseReturnValue:
    session = db.session()
    requests = decisions.of_subject(session, (SUBJECT, run.id))
    programme = programmes.get(session, run.programme_id, by=g.actor)
    if not requests:
        return make_response(render_template("bank/review_none.html", run=run, programme=programme))
    approval, earlier = requests[0], requests[1] if len(requests) > 1 else None
    asked = programmes.version_of(session, run, by=g.actor)
    people = [approval.made_by, *approval.editors, *([approval.decided_by] if approval.decided_by else [])]
    reason = review.blocked_reason(session, run, approval, by=g.actor)
    tells = int(approval.summary["waterfall"].get("will_receive", 0))
    form.seen.data = str(approval.id)
    form.sure.label.text = _("Yes, tell this many people: %(number)s", number=i18n.number(tells, current_language()))
    values: dict[str, Any] = {
        "run": run,
        "programme": programme,
        "asked": asked,
        "reported_to": [user.name for user in programmes.recipients(session, asked, by=g.actor)],
        "approval": approval,
        "earlier": earlier,
        "differences": audit_labels.changes(_plain(earlier.summary), _plain(approval.summary)) if earlier else [],
        "summary": approval.summary,
        "rows": reasons.falls(approval.summary["waterfall"]),
        "overrides": overrides.of_run(session, run.id),
        "numbers": review.numbers(session, run, by=g.actor),
        "texts": review.texts(session, run, review.pinned_of(approval).version_id, by=g.actor),
        "gates": GATES,
        "names": users.names(session, people),
        "form": form,
        "fresh": factor.is_fresh(),
        "refused": refused,
        "blocked_reason": reason,
        "changed": reason == "changed",
        "follow": url_for(".review_state", run_id=run.id, approval_id=approval.id, was=reason),
        "approvers": [user.name for user in decisions.deciders(session, approval)],
    }
    return make_response(render_template("bank/review.html", **values), status)


def _plain(summary: dict[str, Any]) -> dict[str, Any]:
    """A request's numbers by their names, so that two of them can be compared."""
    falls = {reasons.reason(name): number for name, number in summary["waterfall"].items()}
    others = {name: summary[name] for name in ("template", "template_version", "message_class", "sender")}
    return {**summary["totals"], **falls, **others, "waived": sorted(summary["waived"])}
