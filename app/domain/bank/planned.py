"""A release at a planned moment: begun by the sweeper, refused as one by hand would be, called off by one person."""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Conflict, DomainError, Invalid, mark
from app.core.unit import savepoint
from app.domain.access import users
from app.domain.access.permissions import of_role
from app.domain.audit import trail
from app.domain.bank import qualification, review
from app.domain.bank.models import QualificationRun
from app.domain.bank.qualification import SUBJECT
from app.domain.bank.release import release

FURTHEST = timedelta(days=31)


class PlanInput(BaseModel):
    """When a month is released; without a moment at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime | None = None


def plan(session: Session, run_id: UUID, at: datetime, *, by: Actor) -> QualificationRun:
    """Release an approved month at a moment; another plan takes the place of this one.

    Raises NotFound, Conflict (not approved, balances came in), Invalid (the moment is past, or too far), Forbidden.
    """
    run = qualification.moved(session, run_id, "plan", by=by)
    if at <= clock.now():
        raise Invalid.field("at", mark("Choose a moment in the future."))
    if at > clock.now() + FURTHEST:
        raise Invalid.field("at", mark("A release is planned for 31 days ahead at most."))
    if review.is_stale(session, run):
        raise Conflict(mark("Balances of this month came in after it was calculated. Calculate it again."))
    run.planned_for, run.planned_by, run.plan_failure = at, by.id, None
    trail.record(session, by, "run.release_planned", (SUBJECT, run.id), after={"moment": at})
    return run


def call_off(session: Session, run_id: UUID, *, by: Actor) -> QualificationRun:
    """Let a planned release not begin. Raises NotFound, Conflict (none is planned), Forbidden."""
    run = qualification.moved(session, run_id, "call_off", by=by)
    if run.planned_for is None:
        raise Conflict(mark("No release is planned."))
    trail.record(session, by, "run.release_called_off", (SUBJECT, run.id), before={"moment": run.planned_for})
    run.planned_for = run.planned_by = None
    return run


def begin(session: Session) -> None:
    """Release what is due, in the name of whoever planned it; what cannot be released says why on its page."""
    due = QualificationRun.state == "approved", QualificationRun.planned_for <= clock.now()
    query = select(QualificationRun).where(*due).with_for_update(skip_locked=True)
    for run in session.execute(query).scalars().all():
        try:
            with savepoint(session):
                release(session, run.id, by=_planner(session, run))
        except DomainError as refused:
            session.refresh(run)
            run.planned_for, run.plan_failure = None, refused.message
            said = {"note": refused.message}
            trail.record(session, system(run.organisation_id), "run.release_refused", (SUBJECT, run.id), after=said)


def _planner(session: Session, run: QualificationRun) -> Actor:
    """Whoever planned it, with the rights he has now. Raises Conflict if he may not sign in any more."""
    assert run.planned_by is not None
    user = users.get(session, run.planned_by)
    if not user.is_active:
        raise Conflict(mark("Whoever planned the release may not sign in any more."))
    return Actor(run.organisation_id, "user", user.id, user.name, user.role, of_role(user.role))
