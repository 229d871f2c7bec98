"""The review: everything an approver has to see on one page, and his decision with a fresh code."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import flash, g, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core import clock, i18n
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.domain.approvals import decisions
from app.domain.campaigns import drafts, lifecycle, plan, preview
from app.domain.campaigns.drafts import SUBJECT
from app.domain.campaigns.models import Campaign
from app.domain.campaigns.possible import blocked_reason
from app.domain.campaigns.states import NEEDS
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web import audit_labels, factor, reasons
from app.web.approvals import ReviewForm, following
from app.web.campaigns import shown
from app.web.campaigns.blueprint import bp
from app.web.locale import current_language
from app.web.render import leave_for


@bp.get("/<uuid:campaign_id>/review")
@allow("approvals:read")
def review(campaign_id: UUID) -> ResponseReturnValue:
    """What was submitted, and the decision."""
    return _page(drafts.get(db.session(), campaign_id, by=g.actor), ReviewForm())


@bp.get("/<uuid:campaign_id>/review/<uuid:approval_id>/state")
@allow("approvals:read")
def review_state(campaign_id: UUID, approval_id: UUID) -> ResponseReturnValue:
    """What has become of a request while its page is read; polled."""
    session = db.session()
    campaign, approval = drafts.get(session, campaign_id, by=g.actor), decisions.read(session, approval_id, by=g.actor)
    newest = decisions.of_subject(session, (SUBJECT, campaign_id))[0]
    reason = blocked_reason(session, campaign, approval, by=g.actor)
    return following(approval, reason, url_for(".review", campaign_id=campaign_id), newer=newest.id != approval_id)


@bp.post("/<uuid:campaign_id>/approve")
@allow("campaigns:approve")
def approve(campaign_id: UUID) -> ResponseReturnValue:
    """Let it go."""
    form = ReviewForm()
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    actor = factor.confirm(form) if form.validate() and form.is_sure() else None
    if actor is None:
        return _page(campaign, form, 422)
    try:
        lifecycle.approve(db.session(), campaign_id, note=form.note.data or "", seen=form.request(), by=actor)
    except Conflict as error:
        return _page(campaign, form, 409, said(error))
    flash(_what_follows(campaign), "success")
    return leave_for(url_for(".show", campaign_id=campaign_id))


def _what_follows(campaign: Campaign) -> str:
    goes_at, now = plan.goes_at(db.session(), campaign), clock.now()
    if campaign.state == "scheduled":
        return str(_("Approved. It is sent at its moment."))
    if goes_at is None or goes_at > now + timedelta(minutes=1):
        return str(_("Approved. It goes out in the next allowed hours."))
    return str(_("Approved. The sending begins."))


@bp.post("/<uuid:campaign_id>/reject")
@allow("campaigns:approve")
def reject(campaign_id: UUID) -> ResponseReturnValue:
    """Send it back to its author with a note."""
    form = ReviewForm()
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    try:
        lifecycle.reject(db.session(), campaign_id, note=form.note.data or "", seen=form.request(), by=g.actor)
    except Invalid as error:
        inputs.onto(form, error)
        return _page(campaign, form, 422)
    except Conflict as error:
        return _page(campaign, form, 409, said(error))
    flash(_("Sent back to its author with your note."), "success")
    return leave_for(url_for("approvals.index"))


def _page(campaign: Campaign, form: ReviewForm, status: int = 200, refused: str = "") -> ResponseReturnValue:
    session = db.session()
    requests = decisions.of_subject(session, (SUBJECT, campaign.id))
    if not requests:
        return make_response(render_template("campaigns/review_none.html", campaign=campaign))
    approval, earlier = requests[0], requests[1] if len(requests) > 1 else None
    people = [approval.made_by, *approval.editors, *([approval.decided_by] if approval.decided_by else [])]
    channels = shown.channels(approval.summary)
    reason = blocked_reason(session, campaign, approval, by=g.actor)
    form.seen.data = str(approval.id)
    form.sure.label.text = _confirmation(channels)
    values: dict[str, Any] = {
        "campaign": campaign,
        **shown.facts(campaign, *people),
        "approval": approval,
        "channels": channels,
        "cost": approval.summary["cost"],
        "texts": preview.texts(session, campaign, by=g.actor),
        "samples": preview.samples(session, campaign, by=g.actor),
        "differences": audit_labels.changes(shown.keyed(earlier.summary), shown.keyed(approval.summary))
        if earlier
        else [],
        "rewritten": preview.rewritten(session, campaign, earlier.summary, approval.summary) if earlier else [],
        "earlier": earlier,
        "form": form,
        "fresh": factor.is_fresh(),
        "refused": refused,
        "again": approval.summary.get("again") or {},
        "blocked_reason": reason,
        "follow": url_for(".review_state", campaign_id=campaign.id, approval_id=approval.id, was=reason),
        "changed": reason == "changed",
        "approvers": [user.name for user in decisions.deciders(session, approval, NEEDS["approve"])],
    }
    return make_response(render_template("campaigns/review.html", **values), status)


def _confirmation(channels: Sequence[shown.ChannelShown]) -> str:
    """What an approver confirms: how many people it reaches, by channel."""
    said = ((i18n.number(one.will_receive, current_language()), reasons.channel(one.channel)) for one in channels)
    numbers = ", ".join(_("%(people)s by %(channel)s", people=people, channel=channel) for people, channel in said)
    return str(_("Yes, write to this many people: %(numbers)s", numbers=numbers))
