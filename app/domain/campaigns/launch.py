"""Launch: an approved campaign becomes messages, once, and only if it is still what was approved."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import DomainError
from app.core.unit import savepoint
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.campaigns import drift, pinned, plan, states
from app.domain.campaigns.drafts import SUBJECT, one_for_update
from app.domain.campaigns.models import PRIORITIES, Campaign
from app.domain.campaigns.pinned import Pinned
from app.domain.messages import hours, sends
from app.domain.messages.create_messages import create_messages
from app.domain.messages.pinned import PinnedText

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

    A campaign that is no longer what was approved goes back to its author instead, and says so; one whose audience grew, or whose
    data its author changed, waits for another approval with the difference (drift.py).
    """
    campaign = one_for_update(session, campaign_id)
    if campaign.state not in ("approved", "scheduled") or campaign.approval_id is None:
        return campaign
    if campaign.state == "scheduled" and campaign.scheduled_at and campaign.scheduled_at > clock.now():
        return campaign
    approval = decisions.get(session, campaign.approval_id)
    what = pinned.of_approval(approval)
    if approval.state != "approved" or what is None or _is_another(session, campaign, approval):
        return _give_back(session, campaign)
    if changes := drift.changed_by_authors(session, approval, what):
        return _ask_again(session, campaign, approval, what, {"changes": changes})
    campaign.occurrence_id = sends.new_occurrence(session)
    try:
        with savepoint(session):
            counted = {text.channel: _open(session, campaign, what, text, approval.digest) for text in what.texts}
            if grown := drift.grown(
                session, approval, {channel: one.get("queued", 0) for channel, one in counted.items()}
            ):
                raise _GrownError(grown)
    except _GrownError as more:
        campaign.occurrence_id = None
        return _ask_again(session, campaign, approval, what, {"grown": more.channels})
    except DomainError as broke:
        campaign.state, campaign.failure = states.after(campaign.state, "fail"), str(broke)
        trail.record(
            session, _by(campaign), "campaign.failed", (SUBJECT, campaign.id), after={"reason": campaign.failure}
        )
        return campaign
    campaign.state = states.after(campaign.state, "launch")
    campaign.launched_at = clock.now()
    trail.record(session, _by(campaign), "campaign.launched", (SUBJECT, campaign.id), after=counted)
    return campaign


class _GrownError(Exception):
    """More would be written to than were approved: what was made is undone."""

    def __init__(self, channels: dict[str, dict[str, int]]) -> None:
        super().__init__()
        self.channels = channels


def _by(campaign: Campaign) -> Actor:
    return system(campaign.organisation_id)


def _is_another(session: Session, campaign: Campaign, approval: Approval) -> bool:
    """True if something was changed since. Also without this nothing else would be sent; but its author should know."""
    return pinned.digest(session, pinned.present(session, campaign)) != approval.digest


def _give_back(session: Session, campaign: Campaign) -> Campaign:
    campaign.state, campaign.failure = "draft", "changed_after_approval"
    campaign.approval_id = None
    trail.record(
        session, _by(campaign), "campaign.returned", (SUBJECT, campaign.id), after={"reason": campaign.failure}
    )
    return campaign


def _ask_again(
    session: Session, campaign: Campaign, approval: Approval, what: Pinned, why: dict[str, object]
) -> Campaign:
    """Wait for another approval of the same texts and definitions, with what they lead to now and why it is asked."""
    campaign.plan = {**plan.of(session, what).summary(), "again": why}
    campaign.approval_id = decisions.ask_again(session, approval, summary=campaign.plan).id
    campaign.state = states.after(campaign.state, "ask_again")
    return campaign


def _open(session: Session, campaign: Campaign, what: Pinned, text: PinnedText, digest: bytes) -> dict[str, int]:
    assert campaign.occurrence_id is not None
    now = clock.now()
    # Claiming keeps the allowed hours, which may be changed meanwhile.
    begins = hours.begins(session, text.message_class, now)
    send = sends.open_send(
        session,
        sends.NewSend(
            first_occurrence=campaign.occurrence_id,
            source=(SUBJECT, campaign.id),
            source_name=what.name,
            channel=text.channel,
            message_class=text.message_class,
            template_version_id=text.version_id,
            digest=digest,
            priority=PRIORITIES[what.priority],
            not_before=now,
            not_after=begins + SENT_WITHIN,
            senders=what.senders_of(text.channel),
            routes=what.routes_of(text.channel),
        ),
    )
    return create_messages(session, send, pinned.audience_of(session, what), occurrence=campaign.occurrence_id)
