"""One person stops a flow; two start it again."""

from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.flows import lifecycle, states
from app.domain.flows.drafts import one_for_update
from app.domain.flows.models import Flow

SUBJECT = "flow_resume"
NEEDS = states.NEEDS["resume"]


def propose(session: Session, flow_id: UUID, *, by: Actor) -> Approval:
    """Ask for a paused flow to go on. Raises NotFound, Conflict (it is not paused), Forbidden."""
    require(by, NEEDS)
    flow = one_for_update(session, flow_id)
    states.after(flow.state, "resume")
    change = Change(
        (SUBJECT, flow.id), flow.name, "flow.resume", NEEDS,
        before={"state": "paused"}, after={"state": "active"}, state=_state(flow),
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def carry_out(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> Flow:
    """Decide that a flow goes on. Raises NotFound, Conflict (decided, or not paused any more), Forbidden, FactorNeeded."""
    approval = decisions.get(session, approval_id)
    flow = one_for_update(session, approval.subject_id)
    changes.approve(session, approval, state=_state(flow), note=note, by=by)
    return lifecycle.resume(session, flow.id, second=approval.made_by, by=by)


def waiting(session: Session, flow: Flow) -> Approval | None:
    """The open request to go on."""
    return decisions.open_request(session, (SUBJECT, flow.id)) if flow.state == "paused" else None


def _state(flow: Flow) -> dict[str, object]:
    return {"state": flow.state, "version": flow.version_id, "paused_at": flow.paused_at}
