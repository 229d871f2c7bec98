"""How the draft of a flow stands: by itself while the flow has not run, beside what runs from then on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.core import clock
from app.domain.approvals.models import Approval
from app.domain.content.models import Template
from app.domain.flows import pinned, states
from app.domain.flows.definition import parse
from app.domain.flows.models import Flow, FlowVersion
from app.domain.flows.pinned import Pinned
from app.domain.flows.uses import uses

YEAR = timedelta(days=365)
SOON = timedelta(days=30)


def of(session: Session, flow: Flow) -> str:
    """draft, in_review or approved; of a flow that is put away its own state."""
    if flow.state not in states.BEGUN:
        return flow.state
    approval = approval_of(session, flow)
    if approval is None or approval.state not in ("pending", "approved"):
        return "draft"
    return "in_review" if approval.state == "pending" else "approved"


def after(session: Session, flow: Flow, verb: str) -> str:
    """The flow's state after something was done with its draft. Raises Conflict when that is not possible now."""
    following = states.after(of(session, flow), verb)
    return flow.state if flow.state in states.BEGUN else following


def approval_of(session: Session, flow: Flow) -> Approval | None:
    """The request about the draft, or what became of it."""
    return session.get(Approval, flow.approval_id) if flow.approval_id else None


def running(session: Session, flow: Flow) -> FlowVersion | None:
    """The version that new people enter."""
    return session.get(FlowVersion, flow.version_id) if flow.version_id else None


@dataclass(frozen=True)
class NewerText:
    """A step whose text has a newer version than the one that is sent."""

    step: str
    template: Template


def newer_texts(session: Session, version: FlowVersion) -> list[NewerText]:
    """The texts that were changed since they were approved: the old ones are sent until the flow is submitted again."""
    found = []
    for step, text in Pinned.model_validate(version.pinned).texts.items():
        template = session.get(Template, text.template_id)
        if template and template.current_id != text.version_id:
            found.append(NewerText(step, template))
    return found


def is_changed(session: Session, flow: Flow) -> bool:
    """True if the draft would do something else than what runs; what names something that is gone does."""
    version = running(session, flow)
    if version is None or version.definition != flow.definition:
        return True
    there = uses(parse(flow.definition)).templates
    if any(session.get(Template, i) is None for i in there.values()):
        return True
    return pinned.present(session, flow) != Pinned.model_validate(version.pinned)


def renew_by(session: Session, flow: Flow) -> datetime | None:
    """Until when somebody should look again at what runs and have it approved again: a year after its approval."""
    version = running(session, flow)
    if version is None or flow.state not in states.BEGUN:
        return None
    approval = session.get(Approval, version.approval_id) if version.approval_id else None
    return (approval.decided_at if approval and approval.decided_at else version.created_at) + YEAR


def is_old(session: Session, flow: Flow) -> bool:
    """True if what runs was approved more than a year ago: somebody should look at it again."""
    by = renew_by(session, flow)
    return by is not None and by < clock.now()


def is_due(session: Session, flow: Flow) -> bool:
    """True if what runs is old, or soon will be: it can be submitted again as it is."""
    by = renew_by(session, flow)
    return by is not None and by < clock.now() + SOON
