"""One person stops a campaign; two start it again."""

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.campaigns import lifecycle, states
from app.domain.campaigns.drafts import one_for_update
from app.domain.campaigns.models import Campaign

SUBJECT = "resume"
NEEDS = states.NEEDS["resume"]


def propose(session: Session, campaign_id: UUID, *, by: Actor) -> Approval:
    """Ask for a paused campaign to go on. Raises NotFound, Conflict (it is not paused), Forbidden."""
    require(by, NEEDS)
    campaign = one_for_update(session, campaign_id)
    states.after(campaign.state, "resume")
    change = Change(
        (SUBJECT, campaign.id), campaign.name, "campaign.resume", NEEDS,
        before={"state": "paused"}, after={"state": "running"}, state=_state(campaign),
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def carry_out(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> Campaign:
    """Decide that a campaign goes on. Raises NotFound, Conflict (decided, or not paused any more), Forbidden, FactorNeeded."""
    approval = decisions.get(session, approval_id)
    campaign = one_for_update(session, approval.subject_id)
    changes.approve(session, approval, state=_state(campaign), note=note, by=by)
    return lifecycle.resume(session, campaign.id, second=approval.made_by, by=by)


def waiting(session: Session, campaign: Campaign) -> Approval | None:
    """The open request to go on."""
    return decisions.open_request(session, (SUBJECT, campaign.id)) if campaign.state == "paused" else None


def _state(campaign: Campaign) -> dict[str, object]:
    return {"state": campaign.state, "occurrence": campaign.occurrence_id}
