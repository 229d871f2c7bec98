"""Requests for a second person's decision: mine, all, decided; the bell."""

from typing import Any
from uuid import UUID

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField, TextAreaField
from wtforms.validators import Length

from app.core.db import db
from app.core.errors import Conflict, DomainError, Invalid, mark
from app.domain.access import users
from app.domain.access.permissions import LABELS
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.flows import deciding
from app.domain.flows.deciding import Question
from app.http import inputs, subjects
from app.http.auth import allow
from app.http.errors import said, status_of
from app.web import audit_labels, factor, paging
from app.web.navigation import here
from app.web.render import leave_for, page_or_part, parts

bp = Blueprint("approvals", __name__, url_prefix="/approvals")

# Where a subject is reviewed: its page and the name of its id there; a change of settings has the page below.
REVIEWS = {
    "campaign": ("campaigns.review", "campaign_id"),
    "flow": ("flows.review", "flow_id"),
    "run": ("bank.review", "run_id"),
}

# What a change asks for, as a sentence begins.
PROPOSED = {
    "balances.file": mark("Let a file of balances in"),
    "calendar.change": mark("Change when marketing may go out"),
    "campaign.resume": mark("Start a stopped campaign again"),
    "report.subscribe": mark("Mail the report of the months to somebody"),
    "run.resume": mark("Let a stopped release go on"),
    "consent.grant": mark("Write again to somebody who took his consent back"),
    "contact.test": mark("Send tests of texts to this contact without approval"),
    "destination.create": mark("Let flows tell a system something"),
    "flow.resume": mark("Start a stopped flow again"),
    "key.grant": mark("Let this API key approve in its user’s name"),
    "organisation.change": mark("Change what the organisation is"),
    "programme.change": mark("Change what a programme asks for"),
    "programme.create": mark("Add a programme customers qualify for"),
    "provider.change": mark("Change a provider"),
    "provider.create": mark("Use a new provider"),
    "provider.enable": mark("Use a provider again"),
    "suppression.lift": mark("Write again to an address whose owner refused"),
    "user.activate": mark("Let this user in again"),
    "user.create": mark("Make a user whose role decides or gives rights"),
    "user.reset": mark("Reset the sign-in of a user whose role decides or gives rights"),
    "user.role": mark("Give a role that decides or gives rights"),
}


class DecisionForm(FlaskForm):  # type: ignore[misc]
    """A code where the last one was shown too long ago, and a note."""

    code = StringField(_l("Code of your authenticator"))
    note = TextAreaField(_l("Note"), [Length(max=2000)])


class ReviewForm(DecisionForm):
    """A decision about who is written to: the request that was read, and his word to how many people it goes."""

    sure = BooleanField()  # its label names the people, on the page
    seen = HiddenField()

    def request(self) -> UUID:
        """The request this was decided on; from a page that does not say, one that never was."""
        try:
            return UUID(self.seen.data or "")
        except ValueError:
            return UUID(int=0)

    def is_sure(self) -> bool:
        """True if he has said to how many people it goes; else the field says so."""
        if not self.sure.data:
            self.sure.errors = [_("Confirm how many people are written to.")]
            factor.ask(self)
        return bool(self.sure.data)


@bp.get("")
@allow("approvals:read")
def index() -> ResponseReturnValue:
    """The requests I can decide; or all, or the decided ones."""
    session, asked = db.session(), paging.asked()
    questions = _questions()
    view = request.args.get("view") or ("mine" if decisions.decides(by=g.actor) or questions else "all")
    if view == "mine":
        page = decisions.waiting(session, asked, by=g.actor)
    else:
        page = decisions.listed(session, asked, by=g.actor, state="decided" if view == "decided" else "")
    people = {person for approval in page.items for person in (approval.made_by, approval.decided_by) if person}
    return page_or_part(
        "approvals/index.html",
        "approvals/_requests.html",
        page=page,
        view=view,
        decides=decisions.decides(by=g.actor) or bool(questions),
        questions=questions,
        act_of=lambda approval: gettext(PROPOSED.get(str(approval.summary.get("act")), "")),
        names=users.names(session, list(people)),
        review_of=review_of,
        kind_of=audit_labels.kind,
    )


def _questions() -> list[Question]:
    """What flows ask me about people."""
    return deciding.questions(db.session(), by=g.actor) if g.actor.may("flows:decide") else []


@bp.get("/bell")
@allow("")
def bell() -> ResponseReturnValue:
    """How many requests wait for me, and how many questions of flows, for the top bar."""
    waiting = decisions.waiting_for(db.session(), by=g.actor) + len(_questions())
    return render_template("approvals/_bell.html", waiting=waiting)


@bp.get("/<uuid:approval_id>")
@allow("approvals:read")
def show(approval_id: UUID) -> ResponseReturnValue:
    """A change of settings or rights: what it was, what it would be, and the decision."""
    approval = decisions.read(db.session(), approval_id, by=g.actor)
    if approval.subject_kind in REVIEWS:
        return redirect(review_of(approval))
    return _page(approval, DecisionForm(formdata=None))


@bp.get("/<uuid:approval_id>/state")
@allow("approvals:read")
def state(approval_id: UUID) -> ResponseReturnValue:
    """What has become of a request while its page is read; polled."""
    approval = decisions.read(db.session(), approval_id, by=g.actor)
    reason = decisions.blocked_reason(db.session(), approval, by=g.actor)
    return following(approval, reason, url_for(".show", approval_id=approval_id))


@bp.post("/<uuid:approval_id>/approve")
@allow("approvals:read")
def approve(approval_id: UUID) -> ResponseReturnValue:
    """Decide for a change; it is carried out at once."""
    approval, form = decisions.read(db.session(), approval_id, by=g.actor), DecisionForm()
    actor = factor.confirm(form) if form.validate() else None
    if actor is None:
        return _page(approval, form, 422)
    try:
        given = subjects.approve(db.session(), approval, note=form.note.data or "", by=actor)
    except DomainError as error:
        db.session.rollback()
        return _page(decisions.read(db.session(), approval_id, by=g.actor), form, status_of(error), said(error))
    if given:
        is_reset = approval.summary["act"] == "user.reset"
        role = _(LABELS[given.user.role])
        return render_template(
            "users/created.html", user=given.user, password=given.password, role=role, is_reset=is_reset
        )
    flash(_("Approved and carried out."), "success")
    return leave_for(url_for(".index"))


@bp.post("/<uuid:approval_id>/reject")
@allow("approvals:read")
def reject(approval_id: UUID) -> ResponseReturnValue:
    """Refuse a change."""
    form = DecisionForm()
    try:
        subjects.reject(db.session(), approval_id, note=form.note.data or "", by=g.actor)
    except Invalid as error:
        inputs.onto(form, error)
        return _page(decisions.read(db.session(), approval_id, by=g.actor), form, 422)
    except DomainError as error:
        db.session.rollback()
        return _page(decisions.read(db.session(), approval_id, by=g.actor), form, status_of(error), said(error))
    flash(_("Refused, with your note."), "success")
    return leave_for(url_for(".index"))


@bp.post("/<uuid:approval_id>/withdraw")
@allow("approvals:read")
def withdraw(approval_id: UUID) -> ResponseReturnValue:
    """Take one's own request back."""
    try:
        decisions.withdraw(db.session(), approval_id, by=g.actor)
    except Conflict as error:
        db.session.rollback()
        approval = decisions.read(db.session(), approval_id, by=g.actor)
        return _page(approval, DecisionForm(formdata=None), 409, said(error))
    flash(_("Your request was taken back."), "success")
    return leave_for(url_for(".index", view="all"))


def _page(approval: Approval, form: DecisionForm, status: int = 200, refused: str = "") -> ResponseReturnValue:
    blocked = decisions.blocked_reason(db.session(), approval, by=g.actor)
    people = [approval.made_by, *([approval.decided_by] if approval.decided_by else [])]
    values: dict[str, Any] = {
        "approval": approval,
        "act": gettext(PROPOSED.get(str(approval.summary.get("act")), "")),
        "changes": audit_labels.changes(approval.summary.get("before"), approval.summary.get("after")),
        "names": users.names(db.session(), people),
        "form": form,
        "fresh": factor.is_fresh(),
        "refused": refused,
        "blocked": blocked,
        "follow": url_for(".state", approval_id=approval.id, was=blocked),
        "actions": decisions.possible(db.session(), approval, by=g.actor),
        "deciders": [user.name for user in decisions.deciders(db.session(), approval)],
        "kind_of": audit_labels.kind,
    }
    return make_response(render_template("approvals/show.html", **values), status)


def following(approval: Approval, reason: str, page_url: str, *, newer: bool = False) -> str:
    """The part that tells the reader of a request what has become of it, once it is not what was on the page.

    Nothing that was typed is touched: the buttons below it go, the note stays.
    """
    was = request.args.get("was", "")
    values: dict[str, Any] = {
        "approval": approval,
        "reason": reason,
        "names": users.names(db.session(), [approval.decided_by] if approval.decided_by else []),
        "page_url": page_url,
        "newer": newer,
        "news": newer or reason != was,
        "follow": here(),
    }
    if not values["news"]:
        return parts("approvals/_following.html", **values)
    has_form, is_closed = was in ("", "changed"), newer or reason not in ("", "changed")
    closed = ["approvals/_closed.html"] if has_form and is_closed else []
    return parts("approvals/_following.html", "approvals/_state.html", *closed, **values)


def review_of(approval: Approval) -> str:
    """The page on which a request is decided."""
    if approval.subject_kind not in REVIEWS:
        return url_for("approvals.show", approval_id=approval.id)
    endpoint, name = REVIEWS[approval.subject_kind]
    values: dict[str, Any] = {name: approval.subject_id}
    return url_for(endpoint, **values)


def asked(approval: Approval) -> str:
    """Tell who proposed a change what happens next; where its request is."""
    flash(_("It waits for a second person now. Nothing is changed before that."), "success")
    return review_of(approval)
