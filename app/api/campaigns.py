"""/campaigns: drafts, the verbs of their life, results and skips."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.api.approvals import request_out
from app.api.messages import message_out
from app.core.db import db
from app.domain.campaigns import drafts, lifecycle, plan, results, resuming
from app.domain.campaigns.drafts import Audience, CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.campaigns.possible import possible
from app.domain.messages import listing, test_send, totals
from app.http.auth import allow
from app.http.inputs import Strict

bp = Blueprint("campaigns_api", __name__, url_prefix="/campaigns")


class Note(Strict):
    """What an approver says."""

    note: str = Field(default="", max_length=2000)
    approval_id: UUID  # the request he has read; another one since is a conflict


def serialize(campaign: Campaign) -> dict[str, Any]:
    """A campaign as the API shows it."""
    return {
        "id": campaign.id,
        **_input(campaign),
        "state": campaign.state,
        "failure": campaign.failure,
        "plan": campaign.plan,
        "estimated_cost": campaign.estimated_cost,
        "approval_id": campaign.approval_id,
        "created_by": campaign.created_by,
        "created_at": campaign.created_at,
        "updated_at": campaign.updated_at,
        "launched_at": campaign.launched_at,
        "completed_at": campaign.completed_at,
        "version": campaign.version,
    }


def _input(campaign: Campaign) -> dict[str, Any]:
    own = {name: getattr(campaign, name) for name in CampaignInput.model_fields}
    return own | {"audience": Audience.model_validate(campaign.audience).model_dump(mode="json")}


def _one(campaign: Campaign, status: int = 200) -> ResponseReturnValue:
    location = f"/api/v1/campaigns/{campaign.id}" if status == 201 else None
    actions = sorted(possible(db.session(), campaign, by=g.actor))
    out = {**serialize(campaign), "actions": actions}
    return envelope.ok(out, status, location=location, version=campaign.version)


@bp.get("")
@allow("campaigns:read")
@envelope.asks("state", "q", paged=True)
def index() -> ResponseReturnValue:
    """List campaigns; filters `state` and `q`."""
    page = drafts.listed(
        db.session(), envelope.ask(), by=g.actor, state=request.args.get("state", ""), text=request.args.get("q", "")
    )
    return envelope.listed(page, serialize)


@bp.post("")
@envelope.once("campaigns:write")
def create() -> ResponseReturnValue:
    """Make a draft."""
    return _one(drafts.create(db.session(), envelope.body(CampaignInput), by=g.actor), 201)


@bp.get("/<uuid:campaign_id>")
@allow("campaigns:read")
def show(campaign_id: UUID) -> ResponseReturnValue:
    """One campaign."""
    return _one(drafts.get(db.session(), campaign_id, by=g.actor))


@bp.patch("/<uuid:campaign_id>")
@allow("campaigns:write")
def change(campaign_id: UUID) -> ResponseReturnValue:
    """Change a campaign; it is a draft again."""
    present = _input(drafts.one_for_update(db.session(), campaign_id))
    new = envelope.patched(CampaignInput, present)
    return _one(drafts.update(db.session(), campaign_id, new, version=envelope.version_asked(), by=g.actor))


@bp.delete("/<uuid:campaign_id>")
@allow("campaigns:stop")
def cancel_draft(campaign_id: UUID) -> ResponseReturnValue:
    """Cancel a campaign; nothing that was sent is forgotten."""
    lifecycle.cancel(db.session(), campaign_id, by=g.actor)
    return envelope.nothing()


@bp.post("/<uuid:campaign_id>/test")
@envelope.once("campaigns:write")
def test(campaign_id: UUID) -> ResponseReturnValue:
    """Send the texts of a campaign to the test recipients; by channel, how many get it and why others do not."""
    session = db.session()
    texts = drafts.used(session, drafts.get(session, campaign_id, by=g.actor)).templates
    return envelope.ok({text.channel: test_send.send(session, text, by=g.actor) for text in texts}, 202)


@bp.post("/<uuid:campaign_id>/submit")
@envelope.once("campaigns:write")
def submit(campaign_id: UUID) -> ResponseReturnValue:
    """Send for approval."""
    return _one(lifecycle.submit(db.session(), campaign_id, by=g.actor))


@bp.post("/<uuid:campaign_id>/withdraw")
@envelope.once("campaigns:write")
def withdraw(campaign_id: UUID) -> ResponseReturnValue:
    """Take it back from approval: it is a draft again."""
    return _one(lifecycle.withdraw(db.session(), campaign_id, by=g.actor))


@bp.post("/<uuid:campaign_id>/clone")
@envelope.once("campaigns:write")
def clone(campaign_id: UUID) -> ResponseReturnValue:
    """A draft like it."""
    return _one(drafts.clone(db.session(), campaign_id, by=g.actor), 201)


@bp.post("/<uuid:campaign_id>/approve")
@envelope.once("campaigns:approve")
def approve(campaign_id: UUID) -> ResponseReturnValue:
    """Approve; the campaign starts now, or at its moment."""
    said = envelope.body(Note)
    return _one(lifecycle.approve(db.session(), campaign_id, note=said.note, seen=said.approval_id, by=g.actor))


@bp.post("/<uuid:campaign_id>/reject")
@envelope.once("campaigns:approve")
def reject(campaign_id: UUID) -> ResponseReturnValue:
    """Send back to its author with a note."""
    said = envelope.body(Note)
    return _one(lifecycle.reject(db.session(), campaign_id, note=said.note, seen=said.approval_id, by=g.actor))


@bp.post("/<uuid:campaign_id>/send")
@envelope.once("campaigns:write")
def send(campaign_id: UUID) -> ResponseReturnValue:
    """Ring again for an approved campaign that has not started."""
    return _one(lifecycle.send_now(db.session(), campaign_id, by=g.actor), 202)


@bp.post("/<uuid:campaign_id>/pause")
@envelope.once("campaigns:stop")
def pause(campaign_id: UUID) -> ResponseReturnValue:
    """Stop sending for now."""
    return _one(lifecycle.pause(db.session(), campaign_id, by=g.actor))


@bp.post("/<uuid:campaign_id>/resume")
@envelope.once("campaigns:stop")
def resume(campaign_id: UUID) -> ResponseReturnValue:
    """Ask for it to go on; another person decides: POST /approvals/{id}/approve."""
    return envelope.ok(request_out(resuming.propose(db.session(), campaign_id, by=g.actor)), 202)


@bp.post("/<uuid:campaign_id>/cancel")
@envelope.once("campaigns:stop")
def cancel(campaign_id: UUID) -> ResponseReturnValue:
    """End it; what was not handed over is cancelled."""
    return _one(lifecycle.cancel(db.session(), campaign_id, by=g.actor))


@bp.post("/<uuid:campaign_id>/simulate")
@envelope.once("campaigns:read")
def simulate(campaign_id: UUID) -> ResponseReturnValue:
    """What would happen if it were sent now: waterfall, parts, cost, findings."""
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    return envelope.ok(plan.make(db.session(), campaign).summary())


@bp.get("/<uuid:campaign_id>/results")
@allow("campaigns:read")
def numbers(campaign_id: UUID) -> ResponseReturnValue:
    """The numbers of each channel."""
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    found = results.numbers(db.session(), campaign, by=g.actor)
    whole = {name: value for name, value in totals.as_plain(totals.together(found)).items() if name != "channel"}
    return envelope.ok(
        {"state": campaign.state, "channels": [totals.as_plain(one) for one in found], "together": whole}
    )


@bp.get("/<uuid:campaign_id>/messages")
@allow("messages:read")
@envelope.asks("state", "reason", "channel", paged=True)
def messages(campaign_id: UUID) -> ResponseReturnValue:
    """Its messages; filters `state`, `reason`, `channel`."""
    return _messages(campaign_id, request.args.get("state", ""))


@bp.get("/<uuid:campaign_id>/skips")
@allow("messages:read")
@envelope.asks("reason", "channel", paged=True)
def skips(campaign_id: UUID) -> ResponseReturnValue:
    """Who did not get it, and why."""
    return _messages(campaign_id, "skipped")


def _messages(campaign_id: UUID, state: str) -> ResponseReturnValue:
    drafts.get(db.session(), campaign_id, by=g.actor)
    wanted = listing.Filter(
        source_id=campaign_id,
        state=state,
        reason=request.args.get("reason", ""),
        channel=request.args.get("channel", ""),
    )
    return envelope.listed(listing.listed(db.session(), wanted, envelope.ask(), by=g.actor), message_out)
