"""The verbs of a campaign's life: submit, approve, reject, pause, resume, cancel, complete."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require, system
from app.core.errors import Conflict, Forbidden, Invalid, Issue, mark
from app.core.money import rounded
from app.core.queue import Job
from app.core.unit import enqueue_after_commit
from app.domain.approvals import decisions
from app.domain.audit import trail
from app.domain.campaigns import pinned, plan, states
from app.domain.campaigns.drafts import SUBJECT, one_for_update
from app.domain.campaigns.models import Campaign
from app.domain.messages import sends, totals
from app.domain.messages.models import Send
from app.domain.messages.sends import SendDrained

LAUNCH = Job("campaigns.send", "jobs.campaigns.launch", 600)


def submit(session: Session, campaign_id: UUID, *, by: Actor) -> Campaign:
    """Send a draft for approval; the plan and its digest are fixed now.

    Raises:
        NotFound, Conflict (not a draft), Invalid (no text, nobody would receive it, a check that blocks).
    """
    require(by, states.NEEDS["submit"])
    campaign = one_for_update(session, campaign_id)
    after = states.after(campaign.state, "submit")
    worked_out = plan.make(session, campaign)
    if worked_out.blocking:
        issues = tuple(Issue("template", f.message, f.values) for f in worked_out.blocking)
        raise Invalid(
            mark("The text has errors that would reach customers. Correct the template first."), details=issues
        )
    if not any(channel.will_receive for channel in worked_out.channels):
        raise Invalid(
            mark("Nobody would receive this campaign. Look at the audience: it says why each person falls out.")
        )
    if any(channel.provider is None for channel in worked_out.channels):
        raise Invalid(
            mark("There is no provider for one of the channels. Ask an owner or operator to add or enable one.")
        )
    if plan.goes_at(session, campaign) is None:
        raise Invalid(
            mark("There are no allowed hours in the next 60 days. An owner can change them under Settings, Calendar.")
        )
    campaign.plan = worked_out.summary()
    campaign.estimated_cost = rounded(worked_out.cost)
    approval = decisions.submit(
        session,
        (SUBJECT, campaign.id),
        campaign.name,
        digest=worked_out.digest,
        summary=campaign.plan,
        editors=pinned.authors(session, worked_out.pinned, campaign),
        pinned=worked_out.pinned.model_dump(mode="json"),
        by=by,
    )
    campaign.approval_id = approval.id
    campaign.state = after
    return campaign


def withdraw(session: Session, campaign_id: UUID, *, by: Actor) -> Campaign:
    """Take a campaign back from approval, or from its moment, to change it; any decision on it is void.

    Raises:
        NotFound, Conflict (it is sent already, or a draft).
    """
    require(by, states.NEEDS["withdraw"])
    campaign = one_for_update(session, campaign_id)
    before = campaign.state
    campaign.state = states.after(before, "withdraw")
    decisions.void(session, (SUBJECT, campaign.id))
    campaign.approval_id, campaign.plan = None, None
    trail.record(
        session,
        by,
        "campaign.withdrawn",
        (SUBJECT, campaign.id),
        before={"state": before},
        after={"state": campaign.state},
    )
    return campaign


def approve(session: Session, campaign_id: UUID, *, note: str = "", seen: UUID | None = None, by: Actor) -> Campaign:
    """Approve a campaign in review, and ring for its launch (now, or at its moment).

    `seen` is the request its approver has read: if it was changed and submitted again since, nothing is approved.

    Raises:
        NotFound, Conflict (not in review, expired, or changed meanwhile), Forbidden (its own author), FactorNeeded.
    """
    require(by, states.NEEDS["approve"])
    campaign = one_for_update(session, campaign_id)
    after = states.after(campaign.state, "approve")
    assert campaign.approval_id is not None
    _refuse_unseen(campaign, seen)
    decisions.approve(session, campaign.approval_id, digest=_digest(session, campaign), note=note, by=by)
    campaign.state = after
    if campaign.scheduled_at and campaign.scheduled_at > clock.now():
        campaign.state = states.after(after, "schedule")
    else:
        enqueue_after_commit(session, LAUNCH, campaign.organisation_id, campaign.id)
    return campaign


def _digest(session: Session, campaign: Campaign) -> bytes:
    return pinned.digest(session, pinned.present(session, campaign))


def _refuse_unseen(campaign: Campaign, seen: UUID | None) -> None:
    if seen is not None and seen != campaign.approval_id:
        raise Conflict(
            mark("This was changed and submitted again since you opened it. Read it again before you decide.")
        )


def reject(session: Session, campaign_id: UUID, *, note: str, seen: UUID | None = None, by: Actor) -> Campaign:
    """Send a campaign back to its author with a note. Raises NotFound, Conflict, Invalid (no note), Forbidden."""
    require(by, states.NEEDS["reject"])
    campaign = one_for_update(session, campaign_id)
    after = states.after(campaign.state, "reject")
    assert campaign.approval_id is not None
    _refuse_unseen(campaign, seen)
    decisions.reject(session, campaign.approval_id, note=note, by=by)
    campaign.state = after
    return campaign


def pause(session: Session, campaign_id: UUID, *, by: Actor) -> Campaign:
    """Stop sending for now; what is on the wire arrives."""
    return _move(session, campaign_id, "pause", by)


def resume(session: Session, campaign_id: UUID, *, second: UUID | None = None, by: Actor) -> Campaign:
    """Go on sending. Nobody gets it twice and nobody is forgotten: the messages are rows.

    It takes two: `second` is who asked for it (resuming.py). If there was nothing left to send when it was paused, the campaign is
    complete. Raises NotFound, Conflict (not paused), Forbidden.
    """
    if not by.is_system and second in (None, by.id):
        raise Forbidden(
            mark("A campaign that was stopped is started again by two people: ask for it, and another decides.")
        )
    campaign = _move(session, campaign_id, "resume", by)
    complete_if_drained(session, campaign_id)
    return campaign


def cancel(session: Session, campaign_id: UUID, *, by: Actor) -> Campaign:
    """End a campaign; everything not yet handed over is cancelled, with that reason on each message."""
    campaign = _move(session, campaign_id, "cancel", by)
    decisions.void(session, (SUBJECT, campaign.id))
    return campaign


def _move(session: Session, campaign_id: UUID, verb: str, by: Actor) -> Campaign:
    require(by, states.NEEDS[verb])
    campaign = one_for_update(session, campaign_id)
    before = campaign.state
    campaign.state = states.after(campaign.state, verb)
    act = {"pause": sends.pause, "resume": sends.resume, "cancel": sends.stop}[verb]
    act(session, SUBJECT, campaign.id)
    trail.record(
        session,
        by,
        f"campaign.{verb}",
        (SUBJECT, campaign.id),
        before={"state": before},
        after={"state": campaign.state},
    )
    return campaign


def send_now(session: Session, campaign_id: UUID, *, by: Actor) -> Campaign:
    """Ring again for an approved campaign that has not started. Raises Conflict in any other state."""
    require(by, states.NEEDS["send"])
    campaign = one_for_update(session, campaign_id)
    if campaign.state != "approved":
        raise Conflict(mark("This campaign starts by itself at the moment that was approved."))
    enqueue_after_commit(session, LAUNCH, campaign.organisation_id, campaign.id)
    return campaign


def on_drained(session: Session, happening: SendDrained) -> None:
    """A send has drained: perhaps its campaign is complete."""
    if happening.source_kind == SUBJECT:
        complete_if_drained(session, happening.subject)


def complete_if_drained(session: Session, campaign_id: UUID) -> None:
    """Complete a running campaign whose sends have all drained."""
    campaign = one_for_update(session, campaign_id)
    open_sends = select(Send.id).where(Send.source_id == campaign.id, Send.drained_at.is_(None))
    if campaign.state != "running" or session.execute(open_sends).first():
        return
    campaign.state = states.after(campaign.state, "complete")
    campaign.completed_at = clock.now()
    whole = totals.together(totals.of_source(session, campaign.id))
    campaign.outcome = {"to_send": whole.to_send, "done": whole.done}
    trail.record(
        session,
        system(campaign.organisation_id),
        "campaign.completed",
        (SUBJECT, campaign.id),
        after={"in_doubt": whole.in_doubt},
    )
