"""The verbs of a flow's life: submit, withdraw, approve, reject, activate, pause, resume, archive, restore."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import Conflict, Forbidden, mark
from app.domain.approvals import decisions
from app.domain.audit import trail
from app.domain.content.models import Template, TemplateVersion
from app.domain.flows import draft_state, drafts, moving, pinned, placement, states, triggers, validation
from app.domain.flows.drafts import SUBJECT, one_for_update
from app.domain.flows.models import Flow, FlowVersion
from app.domain.flows.pinned import Asked, Choices
from app.domain.links import used_by
from app.domain.messages import sends
from app.domain.messages.pinned import PinnedText
from app.domain.segments.models import Segment


def submit(session: Session, flow_id: UUID, *, choices: Choices | None = None, by: Actor) -> Flow:
    """Send the draft for approval; everything it will do is fixed now. `choices` say what becomes of those who wait.

    Raises:
        NotFound, Conflict (in review already, or the same as what runs), Invalid (it cannot run yet, a choice that is none).
    """
    require(by, states.NEEDS["submit"])
    flow = one_for_update(session, flow_id)
    after = draft_state.after(session, flow, "submit")
    validation.refuse(session, flow)
    if not draft_state.is_changed(session, flow) and not draft_state.is_due(session, flow):
        raise Conflict(mark("Nothing has changed since the version that runs."))
    what = pinned.asked(session, flow, moving.checked(session, flow, choices or {}))
    approval = decisions.submit(
        session,
        (SUBJECT, flow.id),
        flow.name,
        digest=pinned.digest(session, what),
        summary=_summary(session, what),
        editors=pinned.authors(session, flow, what.pinned),
        pinned=what.model_dump(mode="json"),
        by=by,
    )
    flow.approval_id, flow.state = approval.id, after
    return flow


def withdraw(session: Session, flow_id: UUID, *, by: Actor) -> Flow:
    """Take the draft back from approval, to change it; any decision on it is void. Raises NotFound, Conflict."""
    require(by, states.NEEDS["withdraw"])
    flow = one_for_update(session, flow_id)
    flow.state = draft_state.after(session, flow, "withdraw")
    decisions.void(session, (SUBJECT, flow.id))
    flow.approval_id = None
    trail.record(session, by, "flow.withdrawn", (SUBJECT, flow.id), after={"state": flow.state})
    return flow


def approve(session: Session, flow_id: UUID, *, note: str = "", seen: UUID | None = None, by: Actor) -> Flow:
    """Approve a draft in review; it runs when it is activated.

    `seen` is the request its approver has read: if it was changed and submitted again since, nothing is approved.

    Raises:
        NotFound, Conflict (not in review, expired, or changed meanwhile), Forbidden (its own author), FactorNeeded.
    """
    require(by, states.NEEDS["approve"])
    flow = one_for_update(session, flow_id)
    after = draft_state.after(session, flow, "approve")
    approval = decisions.get(session, _request(flow, seen))
    now = pinned.asked(session, flow, pinned.of_approval(approval).choices)
    decisions.approve(session, approval.id, digest=pinned.digest(session, now), note=note, by=by)
    flow.state = after
    return flow


def reject(session: Session, flow_id: UUID, *, note: str, seen: UUID | None = None, by: Actor) -> Flow:
    """Send a draft back to its author with a note. Raises NotFound, Conflict, Invalid (no note), Forbidden."""
    require(by, states.NEEDS["reject"])
    flow = one_for_update(session, flow_id)
    after = draft_state.after(session, flow, "reject")
    decisions.reject(session, _request(flow, seen), note=note, by=by)
    flow.state = after
    return flow


def activate(session: Session, flow_id: UUID, *, by: Actor) -> FlowVersion:
    """Let an approved draft run: a new version, which people enter from now on. Raises NotFound, Conflict (not approved)."""
    require(by, states.NEEDS["activate"])
    flow = one_for_update(session, flow_id)
    after = draft_state.after(session, flow, "activate")
    approval = draft_state.approval_of(session, flow)
    assert approval is not None
    what = pinned.of_approval(approval)
    last = select(func.max(FlowVersion.number)).where(FlowVersion.flow_id == flow.id)
    version = FlowVersion(
        organisation_id=flow.organisation_id,
        flow_id=flow.id,
        number=(session.execute(last).scalar_one() or 0) + 1,
        definition=what.definition,
        pinned=what.pinned.model_dump(mode="json"),
        approval_id=approval.id,
        created_by=approval.made_by,
        created_at=clock.now(),
    )
    session.add(version)
    session.flush()
    flow.version_id, flow.state, flow.approval_id, flow.editors = version.id, after, None, []
    placement.carry(session, flow, version, what.choices)
    drafts.note_uses(session, flow)
    triggers.begin_listening(session, flow)
    trail.record(session, by, "flow.activated", (SUBJECT, flow.id), after={"version": version.number})
    return version


def pause(session: Session, flow_id: UUID, *, by: Actor) -> Flow:
    """Nobody enters and nobody goes on for now; what is on the wire arrives. Raises NotFound, Conflict."""
    require(by, states.NEEDS["pause"])
    flow = one_for_update(session, flow_id)
    flow.state, flow.paused_at = states.after(flow.state, "pause"), clock.now()
    sends.pause(session, SUBJECT, flow.id)
    trail.record(session, by, "flow.pause", (SUBJECT, flow.id), after={"state": flow.state})
    return flow


def resume(session: Session, flow_id: UUID, *, second: UUID | None = None, by: Actor) -> Flow:
    """Go on. It takes two: `second` is who asked for it (resuming.py). Raises NotFound, Conflict (not paused), Forbidden."""
    require(by, states.NEEDS["resume"])
    if not by.is_system and second in (None, by.id):
        raise Forbidden(
            mark("A flow that was stopped is started again by two people: ask for it, and another decides.")
        )
    flow = one_for_update(session, flow_id)
    flow.state, flow.paused_at, flow.resumed_at = states.after(flow.state, "resume"), None, clock.now()
    sends.resume(session, SUBJECT, flow.id)
    trail.record(session, by, "flow.resume", (SUBJECT, flow.id), after={"state": flow.state})
    return flow


def archive(session: Session, flow_id: UUID, *, leave: bool = False, by: Actor) -> Flow:
    """Put a flow away. `leave` takes everybody out who is on the way in it.

    Raises NotFound, Conflict (people are in it and shall not leave, or another flow leads to it).
    """
    require(by, states.NEEDS["archive"])
    flow = one_for_update(session, flow_id)
    after = states.after(flow.state, "archive")
    used_by.refuse_while_used(session, SUBJECT, flow.id)
    people = drafts.people_in(session, [flow]).get(flow.id, 0)
    if people and not leave:
        raise Conflict(
            mark(
                "People are on their way in this flow: %(number)s. Let them leave it, or wait until they are through."
            ),
            number=people,
        )
    flow.state, flow.archived_at, flow.version_id, flow.approval_id = after, clock.now(), None, None
    decisions.void(session, (SUBJECT, flow.id))
    sends.stop(session, SUBJECT, flow.id)
    triggers.stop_listening(session, flow)
    placement.leave_all(session, flow, "archived")
    drafts.note_uses(session, flow)
    trail.record(session, by, "flow.archived", (SUBJECT, flow.id), after={"left": people})
    return flow


def restore(session: Session, flow_id: UUID, *, by: Actor) -> Flow:
    """Bring a flow back that was put away: a draft, to be approved before it runs again. Raises NotFound, Conflict, Invalid."""
    require(by, states.NEEDS["restore"])
    flow = one_for_update(session, flow_id)
    after = states.after(flow.state, "restore")
    drafts.refuse_taken(session, flow.name)
    flow.state, flow.archived_at = after, None
    drafts.note_uses(session, flow)
    trail.record(session, by, "flow.restored", (SUBJECT, flow.id), after={"state": flow.state})
    return flow


def _request(flow: Flow, seen: UUID | None) -> UUID:
    assert flow.approval_id is not None
    if seen is not None and seen != flow.approval_id:
        raise Conflict(
            mark("This was changed and submitted again since you opened it. Read it again before you decide.")
        )
    return flow.approval_id


def _summary(session: Session, what: Asked) -> Mapping[str, object]:
    """What an approver is shown beside the steps: texts, who is sent them by whom, whom it asks and tells."""
    segments = select(Segment.name).where(Segment.id.in_(what.pinned.definitions)).order_by(Segment.name)
    return {
        "texts": {step: _text(session, text) for step, text in what.pinned.texts.items()},
        "senders": sorted({route.sender for route in what.pinned.routes}),
        "segments": list(session.execute(segments).scalars()),
        "destinations": [one.model_dump(mode="json") for one in what.pinned.destinations.values()],
        "choices": {str(i): one for i, one in what.choices.items()},
    }


def _text(session: Session, text: PinnedText) -> dict[str, object]:
    template = session.get_one(Template, text.template_id)
    version = session.get_one(TemplateVersion, text.version_id)
    return {
        "channel": text.channel,
        "template": template.name,
        "template_version": version.number,
        "message_class": text.message_class,
    }
