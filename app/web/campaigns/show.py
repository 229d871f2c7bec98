"""One campaign: overview with its plan, how the sending goes, results, who did not get it, history."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Response, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_timezone
from flask_babel import gettext as _
from markupsafe import Markup

from app.core import clock
from app.core.db import db
from app.core.errors import Invalid
from app.documents import chart
from app.domain.approvals import decisions
from app.domain.audit import trail
from app.domain.campaigns import drafts, plan, preview, results
from app.domain.campaigns.drafts import SUBJECT
from app.domain.campaigns.models import Campaign
from app.http import security
from app.http.auth import allow
from app.http.errors import said
from app.web import audit_labels, paging
from app.web.campaigns import shown
from app.web.campaigns.blueprint import bp
from app.web.locale import current_language
from app.web.render import page_or_part, parts


@bp.get("/<uuid:campaign_id>")
@allow("campaigns:read")
def show(campaign_id: UUID) -> ResponseReturnValue:
    """The overview. A draft's plan is worked out in a part of its own, so that a slow count never blocks the page."""
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    values = {**shown.head(campaign), **shown.sending(campaign), **shown.facts(campaign)}
    if campaign.plan:
        values |= _planned(campaign, campaign.plan)
    return render_template("campaigns/show.html", tab="overview", **values)


@bp.get("/<uuid:campaign_id>/plan")
@allow("campaigns:read")
def worked_out(campaign_id: UUID) -> ResponseReturnValue:
    """What would happen if it were sent now."""
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    values: dict[str, Any] = {**shown.head(campaign), "texts": [], "at": clock.now()}
    try:
        values |= _planned(campaign, plan.make(db.session(), campaign).summary())
    except Invalid as error:
        values |= {"channels": [], "missing": said(error)}
    return page_or_part("campaigns/plan.html", "campaigns/_plan.html", **values)


def _planned(campaign: Campaign, summary: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan draws: the channels, the texts, the cost."""
    texts = preview.texts(db.session(), campaign, by=g.actor)
    return {"channels": shown.channels(summary), "texts": texts, "cost": summary["cost"]}


@bp.get("/<uuid:campaign_id>/progress")
@allow("campaigns:read")
def progress(campaign_id: UUID) -> ResponseReturnValue:
    """How the sending goes; polled until it has ended, and then the head changes with it."""
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    values = {**shown.head(campaign), **shown.sending(campaign)}
    if campaign.state == request.args.get("was"):
        return parts("campaigns/_progress.html", **values)
    return parts("campaigns/_progress.html", "campaigns/_state.html", "campaigns/_actions.html", **values)


@bp.get("/<uuid:campaign_id>/results")
@allow("campaigns:read")
def outcome(campaign_id: UUID) -> ResponseReturnValue:
    """The numbers of each channel, over time and by link."""
    session = db.session()
    campaign = drafts.get(session, campaign_id, by=g.actor)
    values = {**shown.head(campaign), **shown.sending(campaign), "at": clock.now()}
    if campaign.occurrence_id:
        minutes = results.over_time(session, campaign, by=g.actor)
        values |= {
            "drawn": _drawn(minutes),
            "minutes": _named(minutes),
            "links": results.links(session, campaign, by=g.actor),
        }
    return page_or_part("campaigns/results.html", "campaigns/_results.html", tab="results", **values)


def _named(minutes: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """The minutes as the reader's clock shows them, with the day where there is more than one."""
    names = chart.minutes([at for at, _sent, _delivered in minutes], get_timezone())
    return [(name, sent, delivered) for name, (_at, sent, delivered) in zip(names, minutes, strict=True)]


def _drawn(minutes: list[tuple[str, int, int]]) -> Markup | None:
    """The line of the sending; two points make one."""
    if len(minutes) < 2:
        return None
    names, sent, delivered = zip(*_named(minutes), strict=True)
    series = [chart.Series(_("Handed over"), sent), chart.Series(_("Delivered"), delivered)]
    return chart.line(_("Messages a minute"), list(names), series, locale=current_language())


@bp.get("/<uuid:campaign_id>/not-sent")
@allow("campaigns:read")
def not_sent(campaign_id: UUID) -> ResponseReturnValue:
    """Who did not get it and why: numbers that add up to the audience, each with the list of those contacts."""
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    values = {**shown.head(campaign), **shown.sending(campaign)}
    values["equations"] = shown.equations(campaign, values["numbers"])
    return render_template("campaigns/not_sent.html", tab="not_sent", at=clock.now(), **values)


@bp.get("/<uuid:campaign_id>/history")
@allow("campaigns:read")
def history(campaign_id: UUID) -> ResponseReturnValue:
    """Everything that was done with it, and every decision with its note."""
    session = db.session()
    campaign = drafts.get(session, campaign_id, by=g.actor)
    page = trail.entries(session, paging.asked(), by=g.actor, subject=(SUBJECT, str(campaign.id)))
    notes = {str(approval.id): approval for approval in decisions.of_subject(session, (SUBJECT, campaign.id))}
    values = {**shown.head(campaign), **shown.sending(campaign), "acts": audit_labels.drawn(page.items), "notes": notes}
    return page_or_part("campaigns/history.html", "campaigns/_history.html", tab="history", page=page, **values)


@bp.get("/<uuid:campaign_id>/email/<language>")
@allow("campaigns:read")
def email(campaign_id: UUID, language: str) -> ResponseReturnValue:
    """The e-mail of a language, for a sandboxed frame: its own styles work, nothing runs."""
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    html = preview.email(db.session(), campaign, language, by=g.actor)
    return security.as_preview(Response(html, mimetype="text/html"))
