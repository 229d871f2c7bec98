"""What somebody can do with a campaign now, and why he cannot decide on it: what pages show and the API tells."""

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.campaigns import pinned, resuming, states
from app.domain.campaigns.models import Campaign
from app.domain.campaigns.states import NEEDS


def possible(session: Session, campaign: Campaign, *, by: Actor) -> frozenset[str]:
    """The verbs that are open to this actor now: what the state allows, his rights, and four eyes."""
    verbs = {verb for verb in states.possible(campaign.state) if by.may(NEEDS.get(verb, "nobody:does"))}
    if not (campaign.sms_template_id or campaign.email_template_id):
        verbs.discard("submit")
    if resuming.waiting(session, campaign):
        verbs.discard("resume")
    if {"approve", "reject"} & verbs:
        reason = _of_request(session, campaign, campaign.approval_id, by)
        verbs -= {"": set(), "changed": {"approve"}}.get(reason, {"approve", "reject"})
    return frozenset(verbs)


def blocked_reason(session: Session, campaign: Campaign, approval: Approval, *, by: Actor) -> str:
    """Why this actor cannot approve a request now: decided, expired, own, role, hands, changed; empty if he can."""
    if campaign.state != "in_review":
        return "decided"
    if reason := decisions.blocked_reason(session, approval, by=by):
        return reason
    if not by.may(NEEDS["approve"]):
        return "role"
    return "changed" if _is_changed(session, campaign, approval) else ""


def _is_changed(session: Session, campaign: Campaign, approval: Approval) -> bool:
    """True if an open request is no longer what was submitted."""
    return approval.state == "pending" and pinned.digest(session, pinned.present(session, campaign)) != approval.digest


def _of_request(session: Session, campaign: Campaign, approval_id: UUID | None, by: Actor) -> str:
    if approval_id is None:
        return "decided"
    return blocked_reason(session, campaign, decisions.get(session, approval_id), by=by)
