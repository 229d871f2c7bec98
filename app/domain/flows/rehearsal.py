"""Everybody goes through a flow at once, as numbers: who would come to each step, which way, and who would be sent what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from sqlalchemy import and_, false, func, or_, select, true
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.domain.flows.course import Course
from app.domain.flows.definition import Step, parse
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


@dataclass(frozen=True)
class Part:
    """Some of the steps, counted: `first` and how many there are in all, and of how many people it is."""

    shares: Sequence[Share]
    first: int
    steps: int
    people: int

    @property
    def done(self) -> int:
        """How many steps have been counted with this part."""
        return self.first + len(self.shares)


def audience(session: Session, flow: Flow, *, by: Actor) -> list[Share]:
    """The numbers of everybody who could enter now, step by step in reading order; a statement a step and branch.

    Whoever a segment begins it for, else everybody. Raises Invalid (the draft cannot run), Unavailable (it takes too long).
    """
    require(by, "flows:read")
    crowd = _crowd(session, flow)
    with in_time(session):
        return [crowd.share(one) for one in crowd.stations()]


def some(session: Session, flow: Flow, *, first: int = 0, seconds: float = 1, by: Actor) -> Part:
    """As many steps from `first` on as are counted in about so much time, one at least; the caller asks for the others.

    Each part is of people as they are when it is counted. Raises as `audience`.
    """
    require(by, "flows:read")
    crowd, until = _crowd(session, flow), monotonic() + seconds
    stations, shares = crowd.stations(), list[Share]()
    with in_time(session):
        people = crowd.people()
        for one in stations[first:]:
            shares.append(crowd.share(one))
            if monotonic() > until:
                break
    return Part(shares, min(first, len(stations)), len(stations), people)


def begins_with(flow: Flow) -> UUID | None:
    """The segment it is about, if one begins the draft; else it is about everybody."""
    trigger = parse(flow.definition).trigger
    return trigger.segment_id if isinstance(trigger, OnSegment | OnSchedule) else None


def _crowd(session: Session, flow: Flow) -> "_Crowd":
    course = drafted(session, flow)
    around = course.around(session)
    segment_id = begins_with(flow)
    base = and_(compiler.present(), around.segment(segment_id) if segment_id else true())
    return _Crowd(session, course, around, base)


@dataclass(frozen=True)
class _Station:
    """A step, who comes there and who goes by which branch, as conditions on the contact."""

    step: Step
    here: Predicate
    ways: Mapping[str, Predicate]


class _Crowd:
    """Everybody, as a condition on the contact for each step they come to."""

    def __init__(self, session: Session, course: Course, around: CompileContext, base: Predicate) -> None:
        self._session = session
        self._course = course
        self._around = around
        self._base = base
        self._found: list[_Station] = []

    def stations(self) -> list[_Station]:
        """Every step that somebody can come to; nobody is counted yet."""
        self._lane(self._course.chart.lane, self._base)
        return self._found

    def people(self) -> int:
        """How many could enter."""
        return self._count(self._base)

    def share(self, one: _Station) -> Share:
        """Count a step."""
        branches = {key: self._count(way) for key, way in one.ways.items()}
        text = self._course.pinned.texts.get(one.step.id)
        who = select(contact.c.id).where(one.here)
        falls = policy.waterfall(self._session, who, text.channel, text.message_class) if text else {}
        return Share(one.step, self._count(one.here), branches, falls, one.step.type in BRANCHES)

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
        self._found.append(_Station(step, here, ways))
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

    def _count(self, here: Predicate) -> int:
        return int(self._session.execute(select(func.count()).select_from(contact).where(here)).scalar_one())
