"""What a decision on a request leads to: the one table from kinds of requests to the verbs that carry them out."""

from collections.abc import Callable, Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Conflict, mark
from app.domain.approvals import decisions, rights, settings
from app.domain.approvals.models import Approval
from app.domain.approvals.rights import Given
from app.domain.campaigns import resuming
from app.domain.consent import reopening
from app.domain.contacts import recipients
from app.domain.providers import changes as providers

CARRY_OUT: Mapping[str, Callable[..., object]] = {
    "calendar": settings.carry_out_calendar,
    "consent": reopening.carry_out_grant,
    "contact": recipients.carry_out,
    "key": rights.grant_key,
    "organisation": settings.carry_out_organisation,
    "provider": providers.carry_out,
    "resume": resuming.carry_out,
    "suppression": reopening.carry_out_lift,
    "user": rights.carry_out,
}


def approve(session: Session, approval: Approval, *, note: str = "", by: Actor) -> Given | None:
    """Decide for a change and carry it out; a first password that comes of it is told once.

    Raises:
        Conflict (decided, expired, changed, or decided on a page of its own), Forbidden, FactorNeeded.
    """
    if approval.subject_kind not in CARRY_OUT:
        raise Conflict(mark("This request is decided on the page of what it is about."))
    done = CARRY_OUT[approval.subject_kind](session, approval.id, note=note, by=by)
    return done if isinstance(done, Given) and done.password else None


def reject(session: Session, approval_id: UUID, *, note: str, by: Actor) -> Approval:
    """Refuse a change; the note tells why. Raises Invalid (no note), Conflict, Forbidden."""
    approval = decisions.get(session, approval_id)
    if approval.subject_kind not in CARRY_OUT:
        raise Conflict(mark("This request is decided on the page of what it is about."))
    return decisions.reject(session, approval_id, note=note, by=by)
