"""The verbs of a campaign's life that need one click: submit, withdraw, pause, resume, cancel."""

from collections.abc import Callable
from uuid import UUID

from flask import flash, g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from app.core.db import db
from app.domain.campaigns import lifecycle, resuming
from app.domain.campaigns.models import Campaign
from app.http.auth import allow
from app.web.approvals import asked
from app.web.campaigns import shown
from app.web.campaigns.blueprint import bp
from app.web.render import leave_for, parts_or_redirect


@bp.post("/<uuid:campaign_id>/submit")
@allow("campaigns:write")
def submit(campaign_id: UUID) -> ResponseReturnValue:
    """Send for approval."""
    lifecycle.submit(db.session(), campaign_id, by=g.actor)
    flash(_("It waits for approval now. The approvers see it in their list."), "success")
    return leave_for(url_for(".show", campaign_id=campaign_id))


@bp.post("/<uuid:campaign_id>/withdraw")
@allow("campaigns:write")
def withdraw(campaign_id: UUID) -> ResponseReturnValue:
    """Take it back from approval."""
    lifecycle.withdraw(db.session(), campaign_id, by=g.actor)
    flash(_("It is a draft again."), "success")
    return leave_for(url_for(".show", campaign_id=campaign_id))


@bp.post("/<uuid:campaign_id>/cancel")
@allow("campaigns:stop")
def cancel(campaign_id: UUID) -> ResponseReturnValue:
    """End it for good."""
    lifecycle.cancel(db.session(), campaign_id, by=g.actor)
    flash(_("The campaign is cancelled. Nothing more is handed over."), "success")
    return leave_for(url_for(".show", campaign_id=campaign_id))


@bp.post("/<uuid:campaign_id>/pause")
@allow("campaigns:stop")
def pause(campaign_id: UUID) -> ResponseReturnValue:
    """Stop sending for now."""
    return _moved(campaign_id, lifecycle.pause, _("Paused. What is on the wire still arrives."))


@bp.post("/<uuid:campaign_id>/resume")
@allow("campaigns:stop")
def resume(campaign_id: UUID) -> ResponseReturnValue:
    """Ask for it to go on; another person decides."""
    return leave_for(asked(resuming.propose(db.session(), campaign_id, by=g.actor)))


def _moved(campaign_id: UUID, verb: Callable[..., Campaign], said: str) -> ResponseReturnValue:
    session: Session = db.session()
    campaign = verb(session, campaign_id, by=g.actor)
    flash(said, "success")
    values = {**shown.head(campaign), **shown.sending(campaign)}
    parts = ("campaigns/_actions.html", "campaigns/_state.html", "campaigns/_progress.html")
    return parts_or_redirect(url_for(".show", campaign_id=campaign_id), *parts, **values)
