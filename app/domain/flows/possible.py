"""What somebody can do with a flow now, and why he cannot decide on it: what pages show and the API tells."""

from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.flows import draft_state, pinned, resuming, states
from app.domain.flows.models import Flow
from app.domain.flows.states import NEEDS

_OF_DRAFT = ("submit", "withdraw", "approve", "reject", "activate")


def possible(session: Session, flow: Flow, *, by: Actor) -> frozenset[str]:
    """The verbs that are open to this actor now: what the state allows, his rights, and four eyes."""
    own = states.possible(flow.state) - set(_OF_DRAFT)
    beside = states.possible(draft_state.of(session, flow)) & set(_OF_DRAFT)
    verbs = {verb for verb in own | beside if by.may(NEEDS[verb])}
    is_new = not flow.version_id or draft_state.is_changed(session, flow) or draft_state.is_due(session, flow)
    if not is_new:
        verbs.discard("submit")
    if resuming.waiting(session, flow):
        verbs.discard("resume")
    if {"approve", "reject"} & verbs:
        approval = draft_state.approval_of(session, flow)
        reason = blocked_reason(session, flow, approval, by=by) if approval else "decided"
        verbs -= {"": set(), "changed": {"approve"}}.get(reason, {"approve", "reject"})
    return frozenset(verbs)


def blocked_reason(session: Session, flow: Flow, approval: Approval, *, by: Actor) -> str:
    """Why this actor cannot approve a request now: decided, expired, own, role, hands, changed; empty if he can."""
    if draft_state.of(session, flow) != "in_review" or approval.id != flow.approval_id:
        return "decided"
    if reason := decisions.blocked_reason(session, approval, by=by):
        return reason
    if not by.may(NEEDS["approve"]):
        return "role"
    now = pinned.asked(session, flow, pinned.of_approval(approval).choices)
    return "changed" if pinned.digest(session, now) != approval.digest else ""
