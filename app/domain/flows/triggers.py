"""What lets flows begin beside events: segments, a month of the bank; by the clock in clockwork.py, by hand in by_hand.py.

A flow listens from its activation on, also while it is paused: those in it go on hearing what they wait for.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, literal, select
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.bank import outcomes
from app.domain.bank.happenings import QualificationApproved
from app.domain.bank.models import Outcome, QualificationRun
from app.domain.events import interest
from app.domain.flows import starts
from app.domain.flows.course import Course, course_of
from app.domain.flows.hearing import CONSUMER
from app.domain.flows.models import Flow, FlowRun
from app.domain.flows.steps import OnDate, OnMessage, OnMonth, OnSchedule, OnSegment, Trigger
from app.domain.messages import told
from app.domain.segments import membership
from app.domain.segments import pinned as segments
from app.domain.segments.members import SegmentMoved, membership_moves


def begin_listening(session: Session, flow: Flow) -> None:
    """A version of the flow runs from now on: hear what it, and those who are still in older ones, wait for."""
    assert flow.version_id is not None
    walked = select(FlowRun.version_id).where(FlowRun.flow_id == flow.id, FlowRun.step.is_not(None)).distinct()
    others = [i for i in session.execute(walked).scalars() if i != flow.version_id]
    present, courses = course_of(session, flow.version_id), [course_of(session, i) for i in others]
    interest.listen(session, CONSUMER, flow.id, {name for one in (present, *courses) for name in one.events})
    trigger = present.chart.trigger
    own = {(flow.id, did) for one in (present, *courses) for did in one.dids}  # of what any version of it has sent
    begins = {(trigger.campaign_id, trigger.did)} if isinstance(trigger, OnMessage) and trigger.did else set()
    told.listen(session, flow.id, own | begins)
    flow.looked_at = clock.now() if isinstance(trigger, OnDate | OnSchedule) else None
    if isinstance(trigger, OnSegment) and trigger.existing and trigger.segment_id and not others:
        starts.enter(session, flow, members(session, present, trigger.segment_id), {"type": "existing"})
    session.flush()


def stop_listening(session: Session, flow: Flow) -> None:
    """Hear nothing any more."""
    interest.listen(session, CONSUMER, flow.id, ())
    told.listen(session, flow.id, ())


def members(session: Session, course: Course, segment_id: UUID) -> Select[Any]:
    """Who is in a segment, as it was approved."""
    opened = segments.opened(session, course.pinned.definitions)
    return membership.audience(session, [segment_id], [], pinned=opened)


def begun_by(session: Session, kind: type[Trigger]) -> Iterable[tuple[Flow, Course, Any]]:
    """The flows that run and begin by a kind of trigger, each with it."""
    query = select(Flow).where(Flow.state == "active", Flow.version_id.is_not(None)).order_by(Flow.id)
    for flow in session.execute(query).scalars():
        assert flow.version_id is not None
        course = course_of(session, flow.version_id)
        if isinstance(course.chart.trigger, kind):
            yield flow, course, course.chart.trigger


# --- segments


def on_segment_moved(session: Session, happening: SegmentMoved) -> None:
    """Some came into a segment, or left it: they begin, if it is so by the segment as it was approved, too."""
    for flow, course, trigger in begun_by(session, OnSegment):
        if trigger.segment_id != happening.subject:
            continue
        comes = course.chart.trigger_type == "segment_enter"
        moved = membership_moves(session, happening.change, happening.subject, entered=comes).subquery("moved")
        approved = members(session, course, trigger.segment_id)
        is_in = moved.c.contact_id.in_(approved)
        audience = select(moved.c.contact_id).where(is_in if comes else ~is_in)
        starts.enter(session, flow, audience, {"type": course.chart.trigger_type, "segment": str(happening.subject)})


# --- a month of the bank


def on_month_approved(session: Session, happening: QualificationApproved) -> None:
    """A second person approved a month: everybody with an outcome begins."""
    run = session.get_one(QualificationRun, happening.subject)
    for flow, _, trigger in begun_by(session, OnMonth):
        if trigger.programme_id == run.programme_id:
            month = run.month.isoformat()[:7]
            people = outcomes.standing(run.id, Outcome.contact_id).where(trigger.outcome == outcomes.STANDS)
            why = {"type": "month_qualified", "month": month, "outcome": trigger.outcome}
            starts.enter(session, flow, people.add_columns(literal(month).label("key")), why)
