"""Everybody goes through a flow at once, as numbers: who would come to each step, which way, and who would be sent what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, and_, false, func, or_, select, true
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.domain.flows.course import Course
from app.domain.flows.definition import Step
from app.domain.flows.dry_run import drafted
from app.domain.flows.models import Flow
from app.domain.flows.steps import BRANCHES, ENDS, OnSchedule, OnSegment
from app.domain.messages import policy
from app.domain.segments import compiler
from app.domain.segments.context import CompileContext, Predicate, contact, opposite
from app.domain.segments.kinds.bucket import BUCKETS, InBucket
from app.domain.segments.membership import in_time


@dataclass(frozen=True)
class Share:
    """How many of the audience come to a step, at most, and by which branch they go on; of a text, who gets it and who does not.

    Where it depends on what people will do (`depends`), each branch has everybody.
    """

    step: Step
    comes: int
    branches: Mapping[str, int] = field(default_factory=dict)
    waterfall: Mapping[str, int] = field(default_factory=dict)
    depends: bool = False


def audience(session: Session, flow: Flow, *, by: Actor) -> list[Share]:
    """The numbers of everybody who could enter now, step by step in reading order; a statement a step and branch.

    Whoever a segment begins it for, else everybody. Raises Invalid (the draft cannot run), Unavailable (it takes too long).
    """
    require(by, "flows:read")
    course = drafted(session, flow)
    around = course.around(session)
    trigger = course.chart.trigger
    segment_id = trigger.segment_id if isinstance(trigger, OnSegment | OnSchedule) else None
    base = and_(compiler.present(), around.segment(segment_id) if segment_id else true())
    with in_time(session):
        return _Crowd(session, course, around, base).shares()


class _Crowd:
    """Everybody, as a condition on the contact for each step they come to."""

    def __init__(self, session: Session, course: Course, around: CompileContext, base: Predicate) -> None:
        self._session = session
        self._course = course
        self._around = around
        self._base = base
        self._found: list[Share] = []

    def shares(self) -> list[Share]:
        """Every step that somebody can come to."""
        self._lane(self._course.chart.lane, self._base)
        return self._found

    def _lane(self, lane: Sequence[Step], here: Predicate | None) -> Predicate | None:
        """Who comes out behind a lane of those who come into it."""
        for step in lane:
            if here is None:
                break
            here = self._through(step, here)
        return here

    def _through(self, step: Step, here: Predicate) -> Predicate | None:
        """Who goes on behind a step. A way back is gone once here, and a goal reached by nobody."""
        ways = dict(self._ways(step, here))
        branches = {key: self._count(one) for key, one in ways.items()}
        text = self._course.pinned.texts.get(step.id)
        falls = policy.waterfall(self._session, self._who(here), text.channel, text.message_class) if text else {}
        self._found.append(Share(step, self._count(here), branches, falls, step.type in BRANCHES))
        if step.type in ENDS:
            return None
        ends = [self._lane(branch.lane, ways[branch.key]) for branch in step.branches]
        through = [one for one in ends if one is not None]
        if len(through) == len(ends):
            return here
        return or_(*through) if through else None

    def _ways(self, step: Step, here: Predicate) -> Iterator[tuple[str, Predicate]]:
        """Who goes by which branch."""
        before: list[Predicate] = []
        first = 0
        for branch in step.branches:
            if step.type == "split":
                own = compiler.within(self._around, branch.when) if branch.when else true()
                yield branch.key, and_(here, own, *before)
                before.append(opposite(own))
            elif step.type == "ab_split":
                last = BUCKETS if branch is step.branches[-1] else first + (branch.percent or 0) * 100
                yield branch.key, and_(here, self._drawn(step, first, last))
                first = last
            else:
                yield branch.key, here

    def _drawn(self, step: Step, first: int, last: int) -> Predicate:
        if last <= first:
            return false()
        draw = {"salt": f"flow:{self._course.flow_id}:{step.id}", "from": first, "to": last - 1}
        return InBucket.model_validate(draw).compile(self._around)

    def _who(self, here: Predicate) -> Select[Any]:
        return select(contact.c.id).where(here)

    def _count(self, here: Predicate) -> int:
        return int(self._session.execute(select(func.count()).select_from(contact).where(here)).scalar_one())
