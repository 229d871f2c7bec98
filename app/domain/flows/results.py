"""The numbers of a flow: who stands where, who went which way, who did what it is for; and whether all of it adds up.

Nobody is lost or doubled: whoever came to a step (entered there, passed what leads there, or was put there) stands there or has
gone from it. It is counted twice, from the log and from the runs, every night.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.core import clock, i18n
from app.core.actor import Actor, require
from app.core.errors import mark
from app.core.sql import load
from app.domain.access import users
from app.domain.access.keyring import organisation_of
from app.domain.flows.acts import sending
from app.domain.flows.course import course_of
from app.domain.flows.drafts import SUBJECT
from app.domain.flows.engine import Graph
from app.domain.flows.models import Flow
from app.domain.messages import totals
from app.domain.messages.totals import Totals
from app.domain.notices.post import post

log = logging.getLogger(__name__)
AT_NIGHT = 2  # the hour of the organisation's day in which it is counted whether all adds up
SURE = 1.959964  # of a normal distribution: 95 %
_SQL = load("flows/queries.sql")
_OFF = mark("The people of the flow “%(name)s” do not add up")
_OFF_BODY = mark(
    "At %(steps)s the number of people who came and the number who went or wait there differ. Nothing was stopped. Tell whoever"
    " looks after the system."
)


@dataclass
class StepNumbers:
    """One step of a version. `came` is worked out from where people came from, the others are counted where they are."""

    waiting: int = 0
    failed: int = 0
    came: int = 0
    passed: dict[str, int] = field(default_factory=dict)  # by port
    left: int = 0
    moved: int = 0  # put elsewhere: by a person, a goal, a new version
    converted: int = 0
    retried: int = 0
    messages: Totals | None = None

    @property
    def gone(self) -> int:
        """Who is not here any more."""
        return sum(self.passed.values()) + self.left + self.moved

    @property
    def is_balanced(self) -> bool:
        """True if everybody who came is here or has gone."""
        return self.came == self.gone + self.waiting + self.failed


@dataclass(frozen=True)
class Group:
    """People who were sent something, or those of the control group, each once however often he entered."""

    people: int = 0
    converted: int = 0

    @property
    def rate(self) -> float | None:
        return self.converted / self.people if self.people else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % score interval of the rate (Wilson 1927)."""
        n, z = self.people, SURE
        if not n:
            return 0.0, 1.0
        rate = self.converted / n
        middle, spread = rate + z * z / (2 * n), z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
        whole = 1 + z * z / n
        return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


@dataclass(frozen=True)
class FlowNumbers:
    """A whole flow: runs by where they are, and people by whether they did what it is for."""

    entered: int = 0
    waiting: int = 0
    failed: int = 0
    finished: int = 0
    left: int = 0
    reasons: Mapping[tuple[str, str | None], int] = field(default_factory=dict)  # how they ended and why
    treated: Group = field(default_factory=Group)
    control: Group = field(default_factory=Group)
    steps: Mapping[UUID, Mapping[str, StepNumbers]] = field(default_factory=dict)  # by version

    @property
    def lift(self) -> float | None:
        """By how much more of those who were sent something did it."""
        one, other = self.treated.rate, self.control.rate
        return one - other if one is not None and other is not None else None

    @property
    def lift_interval(self) -> tuple[float, float] | None:
        """Its 95 % interval from both score intervals (Newcombe 1998, method 10)."""
        one, other, lift = self.treated.rate, self.control.rate, self.lift
        if one is None or other is None or lift is None:
            return None
        (low, high), (low_other, high_other) = self.treated.interval, self.control.interval
        down = sqrt((one - low) ** 2 + (high_other - other) ** 2)
        return lift - down, lift + sqrt((high - one) ** 2 + (other - low_other) ** 2)


def numbers(session: Session, flow: Flow, *, by: Actor) -> FlowNumbers:
    """All numbers of a flow."""
    require(by, "flows:read")
    at = {"flow": flow.id}
    steps, states = by_step(session, flow)
    _messages(session, flow, steps)
    groups = {row.is_control: Group(row.people, row.converted) for row in session.execute(_SQL["by_group"], at)}
    ended = session.execute(_SQL["reasons"], at).all()
    return FlowNumbers(
        entered=sum(states.values()),
        waiting=states.get("active", 0),
        failed=states.get("failed", 0),
        finished=states.get("finished", 0),
        left=states.get("left", 0),
        reasons={(row.state, row.reason): row.number for row in ended},
        treated=groups.get(False, Group()),
        control=groups.get(True, Group()),
        steps=steps,
    )


def by_step(session: Session, flow: Flow) -> tuple[dict[UUID, dict[str, StepNumbers]], dict[str, int]]:
    """The numbers of each step of each version, and the runs by state."""
    rows, states = session.execute(_SQL["counted"], {"flow": flow.id}).all(), dict[str, int]()
    found: dict[UUID, dict[str, StepNumbers]] = defaultdict(lambda: defaultdict(StepNumbers))
    graphs = {i: course_of(session, i).graph for i in {row.version_id for row in rows}}
    for row in rows:
        if row.kind == "here":
            states[row.port] = states.get(row.port, 0) + row.number
        if row.step is not None:
            _count(found[row.version_id], graphs[row.version_id], row)
    return {i: dict(steps) for i, steps in found.items()}, states


# What a line of the count, by kind and port, adds to; those who passed are kept by port.
_COUNTS = {
    ("here", "active"): "waiting", ("here", "failed"): "failed", ("moved", "in"): "came", ("moved", "out"): "moved",
    ("entered", None): "came", ("left", None): "left", ("converted", None): "converted", ("retried", None): "retried",
}  # fmt: skip


def _count(steps: dict[str, StepNumbers], graph: Graph, row: Row[Any]) -> None:
    """A line of the count."""
    one = steps[row.step]
    if name := _COUNTS.get((row.kind, row.port)):
        setattr(one, name, getattr(one, name) + row.number)
    if row.kind == "passed":
        one.passed[row.port] = one.passed.get(row.port, 0) + row.number
        node = graph.nodes.get(row.step)
        if node and (to := node.ways.get(row.port)):
            steps[to].came += row.number


def _messages(session: Session, flow: Flow, steps: Mapping[UUID, dict[str, StepNumbers]]) -> None:
    """What became of the messages of the sending steps."""
    opened = sending.of_versions(session, list(steps))
    if opened:
        known = totals.of_sends(session, list(opened.values()))
        for (version_id, step), send_id in opened.items():
            if step in steps[version_id]:
                steps[version_id][step].messages = known.get(send_id)


# --- every night


def balance(session: Session) -> int | None:
    """In the hour for it, count whether everybody of every flow is somewhere, once; whoever looks after it is told where not."""
    if clock.now().astimezone(ZoneInfo(organisation_of(session).timezone)).hour != AT_NIGHT:
        return None
    for flow in session.execute(select(Flow).where(Flow.state.in_(("active", "paused")))).scalars():
        if off := unbalanced(session, flow):
            _tell(session, flow, off)
    return None


def unbalanced(session: Session, flow: Flow) -> list[str]:
    """The steps at which people do not add up."""
    steps, _ = by_step(session, flow)
    return sorted({step for own in steps.values() for step, one in own.items() if not one.is_balanced})


def _tell(session: Session, flow: Flow, steps: Sequence[str]) -> None:
    log.error("the people of a flow do not add up", extra={"flow": flow.id, "steps": steps})
    values: dict[str, object] = {"name": flow.name, "steps": ", ".join(steps)}
    for user in users.with_role(session, "operator"):
        locale = user.locale or "en"
        subject, body = i18n.say(_OFF, values, locale), i18n.say(_OFF_BODY, values, locale)
        post(session, user.email, subject, body, source=(SUBJECT, flow.id))
