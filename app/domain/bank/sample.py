"""Twenty customers of a run, drawn to be checked by hand in the core bank: ten who qualified, and five and five of the others.

Which they are follows from the run alone (queries.sql, draw_sample), so an auditor draws the same.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import NotFound, mark
from app.domain.audit import trail
from app.domain.bank import outcomes, qualification, states
from app.domain.bank.models import QualificationRun, Sampled
from app.domain.bank.outcomes import Judged
from app.domain.bank.qualification import MISSING, SUBJECT


@dataclass(frozen=True)
class Check:
    """One of the sample: what was found by hand, and what became of the customer."""

    drawn: Sampled
    judged: Judged


def of_run(session: Session, run_id: UUID, *, by: Actor) -> list[Check]:
    """The sample in its order."""
    qualification.get(session, run_id, by=by)
    query = select(Sampled).where(Sampled.run_id == run_id).order_by(Sampled.place)
    drawn = session.execute(query).scalars().all()
    judged = outcomes.some(session, run_id, [one.contact_id for one in drawn], by=by)
    return [Check(one, judged[one.contact_id]) for one in drawn if one.contact_id in judged]


def check(session: Session, run_id: UUID, contact_id: UUID, *, is_right: bool | None, by: Actor) -> Sampled:
    """Say that an outcome was looked up by hand and is right, or is not; None takes it back.

    Raises NotFound, Conflict (the run is not open to it), Forbidden.
    """
    require(by, states.NEEDS["check"])
    run = rows.one_for_update(session, QualificationRun, run_id, MISSING)
    states.after(run.state, "check")
    drawn = session.get(Sampled, (run_id, contact_id), with_for_update=True, populate_existing=True)
    if drawn is None:
        raise NotFound(mark("This customer is not in the sample."))
    drawn.is_right = is_right
    drawn.checked_by, drawn.checked_at = (None, None) if is_right is None else (by.id, clock.now())
    trail.record(session, by, "run.checked", (SUBJECT, run.id), after={"contact": contact_id, "is_right": is_right})
    return drawn
