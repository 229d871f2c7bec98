"""Launch: an approved campaign becomes messages, once, and only if it is still what was approved."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.core.errors import DomainError
from app.core.unit import savepoint
from app.domain.approvals import decisions
from app.domain.audit import trail
from app.domain.campaigns import plan, states
from app.domain.campaigns.drafts import SUBJECT, one_for_update
from app.domain.campaigns.models import PRIORITIES, Campaign
from app.domain.content import library
from app.domain.content.models import Template
from app.domain.messages import enlist, sends

SENT_WITHIN = timedelta(hours=24)


def due(session: Session) -> list[UUID]:
    """Campaigns that should be running: approved ones, and scheduled ones whose moment has come."""
    moment = Campaign.scheduled_at
    query = select(Campaign.id).where(
        or_(Campaign.state == "approved", (Campaign.state == "scheduled") & (moment <= clock.now()))
    )
    return list(session.execute(query).scalars())


def launch(session: Session, campaign_id: UUID) -> Campaign:
    """Make the messages of an approved campaign; nothing happens if it is running or has ended already.

    A campaign that is no longer what was approved goes back to its author instead, and says so.
    """
    campaign = one_for_update(session, campaign_id)
    if campaign.state not in ("approved", "scheduled") or campaign.approval_id is None:
        return campaign
    if campaign.state == "scheduled" and campaign.scheduled_at and campaign.scheduled_at > clock.now():
        return campaign
    approval = decisions.get(session, campaign.approval_id)
    by = system(campaign.organisation_id)
    if approval.state != "approved" or approval.digest != plan.digest(session, campaign):
        campaign.state, campaign.failure = "draft", "changed_after_approval"
        campaign.approval_id = None
        trail.record(session, by, "campaign.returned", (SUBJECT, campaign.id), after={"reason": campaign.failure})
        return campaign
    campaign.occurrence_id = sends.new_occurrence(session)
    try:
        with savepoint(session):
            counted = _open_all(session, campaign, approval.digest)
    except DomainError as broke:
        campaign.state, campaign.failure = states.after(campaign.state, "fail"), str(broke)
        trail.record(session, by, "campaign.failed", (SUBJECT, campaign.id), after={"reason": campaign.failure})
        return campaign
    campaign.state = states.after(campaign.state, "launch")
    campaign.launched_at = clock.now()
    trail.record(session, by, "campaign.launched", (SUBJECT, campaign.id), after=counted)
    return campaign


def _open_all(session: Session, campaign: Campaign, digest: bytes) -> dict[str, object]:
    counted: dict[str, object] = {}
    for template_id in (campaign.sms_template_id, campaign.email_template_id):
        if template_id:
            counted |= _open(session, campaign, template_id, digest)
    return counted


def _open(session: Session, campaign: Campaign, template_id: UUID, digest: bytes) -> dict[str, object]:
    template = session.get_one(Template, template_id)
    assert campaign.occurrence_id is not None
    now = clock.now()
    send = sends.open_send(
        session,
        sends.NewSend(
            occurrence_id=campaign.occurrence_id,
            source=(SUBJECT, campaign.id),
            source_name=campaign.name,
            channel=template.channel,
            message_class=template.message_class,
            template_version_id=library.current(session, template).id,
            digest=digest,
            priority=PRIORITIES[campaign.priority],
            not_before=now,
            not_after=now + SENT_WITHIN,
            senders=plan.senders(session, template.channel),
        ),
    )
    return {template.channel: enlist.enlist(session, send, plan.audience_of(session, campaign))}
