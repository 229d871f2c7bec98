"""Which way a run goes: pure, without I/O. A flow is compiled to a graph of steps; times are worked out from facts handed in.

A branch that ends without an end of its own falls through to the step behind its parent.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.core import clock
from app.domain.flows.definition import Branch, Flowchart, Step
from app.domain.flows.steps import Duration, Goal, GoTo, Review, Wait, WaitFor, WaitUntil

NEXT = "next"  # the port of whatever has one way on
HAPPENED, TIMEOUT = "happened", "timeout"
APPROVED, REJECTED = "approved", "rejected"
REACHED = "reached"  # of a goal: he did it
ENOUGH = "enough"  # of a way back: he has gone it as often as he may
MOST_CLOSED = 60  # days in a row without a business day; after that every day is one

Place = str | None  # a step, or the end


@dataclass(frozen=True)
class Node:
    """A step, its number in reading order, and where each of its ports leads."""

    step: Step
    number: int
    ways: Mapping[str, Place]


@dataclass(frozen=True)
class Graph:
    """A flow as steps and ways between them."""

    chart: Flowchart
    first: Place
    nodes: Mapping[str, Node]

    def before(self, target: str) -> frozenset[str]:
        """The steps from which a way leads to `target`, itself not among them."""
        found, looking = {target}, [target]
        while looking:
            one = looking.pop()
            more = {i for i, node in self.nodes.items() if one in node.ways.values()} - found
            found |= more
            looking += more
        return frozenset(found - {target})


def graph_of(chart: Flowchart) -> Graph:
    """The flow as a graph."""
    found: dict[str, Node] = {}
    for step, behind in _lane(chart.lane, None):
        found[step.id] = Node(step, len(found), _ways(step, behind))
    return Graph(chart, _begin(chart.lane, None), found)


def _lane(lane: Sequence[Step], behind: Place) -> Iterator[tuple[Step, Place]]:
    """Every step in reading order, with the one that comes behind it."""
    for n, step in enumerate(lane, start=1):
        after = _begin(lane[n:], behind)
        yield step, after
        for branch in step.branches:
            yield from _lane(branch.lane, after)


def _begin(lane: Sequence[Step], behind: Place) -> Place:
    return lane[0].id if lane else behind


def _ways(step: Step, behind: Place) -> dict[str, Place]:
    if step.branches:
        return {one.key: _begin(one.lane, behind) for one in step.branches}
    match step.config:
        case GoTo(target=target):
            return {NEXT: target, ENOUGH: None}
        case Goal(then=then):
            return {NEXT: behind, REACHED: None if then == "exit" else behind}
    return {NEXT: None if step.type == "exit" else behind}


def by_itself(step: Step) -> str:
    """The port by which a wait is left when its time has come and nothing else has."""
    return {"wait_for": TIMEOUT, "review": REJECTED}.get(step.type, NEXT)


def drawn(branches: Sequence[Branch], bucket: int) -> str:
    """The branch of a draw for a bucket from 0 to 9999; what the shares leave over goes to the last."""
    upto = 0
    for one in branches:
        upto += (one.percent or 0) * 100
        if bucket < upto:
            return one.key
    return branches[-1].key


# --- times


@dataclass(frozen=True)
class Facts:
    """What times depend on: the zones of contact and organisation, its business days, the contact's date that is meant."""

    zone: str
    organisation_zone: str
    is_business: Callable[[date], bool]
    day: date | None = None


def due(step: Step, arrived: datetime, facts: Facts) -> datetime:
    """When a wait that begins now ends by itself; a moment that is past already means: at once."""
    match step.config:
        case Wait() as span:
            return later(span, arrived, facts)
        case WaitUntil() as until:
            return max(arrived, _until(until, arrived, facts))
        case WaitFor(timeout=timeout) | Review(timeout=timeout):
            return later(timeout, arrived, facts)
    return arrived


def later(span: Duration, moment: datetime, facts: Facts) -> datetime:
    """So much later: days keep the time of day of the contact's zone, hours and minutes are of the clock."""
    if span.days:
        zone = ZoneInfo(facts.zone)
        local = moment.astimezone(zone)
        day = _day_after(local.date(), span, facts)
        moment = datetime.combine(day, local.time(), zone).astimezone(UTC)
    return moment + span.clock


def _day_after(day: date, span: Duration, facts: Facts) -> date:
    if not span.business_days:
        return day + timedelta(days=span.days)
    left, closed = span.days, 0
    while left:
        day += timedelta(days=1)
        closed = 0 if facts.is_business(day) else closed + 1
        left -= not closed or closed > MOST_CLOSED
    return day


def _until(until: WaitUntil, arrived: datetime, facts: Facts) -> datetime:
    """A date of the contact's that he does not have is past."""
    zone = ZoneInfo(facts.zone if until.zone == "contact" else facts.organisation_zone)
    at = time.fromisoformat(until.at or "00:00")
    if until.field:
        if facts.day is None:
            return arrived
        day = facts.day + timedelta(days=until.offset_days)
    else:
        day = arrived.astimezone(zone).date()
        if datetime.combine(day, at, zone) < arrived:
            day += timedelta(days=1)
    while until.weekdays and day.weekday() not in until.weekdays:
        day += timedelta(days=1)
    return datetime.combine(day, at, zone).astimezone(UTC)


def day_of(value: object) -> date | None:
    """The date a field holds, if it is one that people and time zones know; of a moment the day it is in UTC."""
    said = value.isoformat()[:10] if isinstance(value, date) else value
    return date.fromisoformat(str(said)) if clock.is_day(said) else None


# --- what begins by the clock


def moments(at: str, zone: str, since: datetime, until: datetime) -> list[date]:
    """The days on which the time of day `at` of a zone came, later than `since` and not later than `until`."""
    where, begins = ZoneInfo(zone), time.fromisoformat(at)
    day, last = since.astimezone(where).date(), until.astimezone(where).date()
    found = []
    while day <= last:
        if since < datetime.combine(day, begins, where) <= until:
            found.append(day)
        day += timedelta(days=1)
    return found
