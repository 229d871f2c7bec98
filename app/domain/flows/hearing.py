"""What happens reaches the flows at once: who waits for it goes on, who reached a goal or an exit is there, and flows begin.

A wait of thirty days ends on the day somebody does what it waits for. All that was told is taken in one go, in sets.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Row, Text, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import among
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.events import interest
from app.domain.events.matching import EventIs
from app.domain.events.models import EventInterest
from app.domain.flows import lookback, starts
from app.domain.flows.batch import Batch, Run
from app.domain.flows.course import Course, course_of
from app.domain.flows.engine import HAPPENED, REACHED, TIMEOUT
from app.domain.flows.models import Flow, FlowLog
from app.domain.flows.steps import Goal, Happening, OnEvent, OnMessage, WaitFor
from app.domain.messages import replies, told
from app.domain.messages.models import MessageInterest

CONSUMER = "flows"
AT_ONCE = 1000
LONGEST = timedelta(days=366)  # a goal counts for a year at most
_SQL = load("flows/queries.sql")


@dataclass(frozen=True)
class Heard:
    """Something that happened to a contact: an event, or something to a message."""

    contact_id: UUID
    at: datetime
    why: Mapping[str, Any]
    event: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    is_verified: bool = True
    did: str = ""
    visit_id: UUID | None = None
    source_id: UUID | None = None
    reply_id: UUID | None = None


def hear(session: Session) -> int:
    """Take what was told and let it have its effect; how much. The caller commits and calls again."""
    if not is_waiting(session):
        return 0
    session.execute(_SQL["telling"], {"organisation": actor_of(session).organisation_id})
    heard = [*map(_event, interest.take(session, CONSUMER, AT_ONCE)), *map(_message, told.take(session, AT_ONCE))]
    if heard:
        known = _move(session, heard)
        if _begin(session, heard):
            _move(session, heard, known)  # what was heard in the same go, and happened after what they began with
    return len(heard)


def is_waiting(session: Session) -> bool:
    """True if something was told and not taken."""
    return interest.waiting(session, CONSUMER) or told.waiting(session)


def _event(one: interest.Told) -> Heard:
    why = {"event": one.name, "id": str(one.event_id)}
    return Heard(one.contact_id, one.occurred_at, why, one.name, one.properties, one.is_verified)


def _message(one: told.Told) -> Heard:
    return Heard(
        one.contact_id, one.at, {"did": one.did}, did=one.did, visit_id=one.occurrence_id, source_id=one.source_id,
        reply_id=one.reply_id,
    )  # fmt: skip


# --- those who are on their way, or were


def _move(session: Session, heard: Sequence[Heard], known: Collection[UUID] = ()) -> set[UUID]:
    """Let it have its effect on the runs of these people but those that are known; whose it could have one on."""
    of: dict[UUID, list[Heard]] = defaultdict(list)
    for one in sorted(heard, key=lambda one: one.at):
        of[one.contact_id].append(one)
    now = clock.now()
    batches: dict[UUID, Batch] = {}
    found = session.execute(_SQL["runs_of"], {"contacts": list(of), "since": now - LONGEST}).all()
    rows = [row for row in found if row.id not in known]
    steps = _visits(session, rows, [one.visit_id for one in heard if one.visit_id])
    waiting: list[_Told] = []
    for row in rows:
        batch = batches.get(row.version_id) or batches.setdefault(
            row.version_id, Batch(session, course_of(session, row.version_id), now)
        )
        its = _Told(batch, row, steps.get(row.id, {}))
        if its.hears(of[row.contact_id]):
            waiting.append(its)
    _give_up(waiting)
    for batch in batches.values():
        batch.write()
    return {row.id for row in rows}


def _visits(session: Session, rows: Sequence[Row[Any]], visits: Sequence[UUID]) -> dict[UUID, dict[UUID, str]]:
    """Of each run the steps whose messages these are, by visit."""
    found: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    if rows and visits:
        query = select(FlowLog.run_id, FlowLog.visit_id, FlowLog.step).where(
            among(FlowLog.run_id, [row.id for row in rows]), FlowLog.visit_id.in_(visits), FlowLog.kind == "passed"
        )
        for run_id, visit_id, step in session.execute(query):
            if visit_id and step:
                found[run_id][visit_id] = step
    return found


@dataclass
class _Told:
    """A run, and what it makes of what happened to its person."""

    batch: Batch
    row: Row[Any]
    steps: Mapping[UUID, str]

    def __post_init__(self) -> None:
        row = self.row
        self.run = Run(row.id, row.contact_id, row.visit_id, self.batch.now, row.entered_at, "", attempts=row.attempts)
        self.run.has_converted = row.converted_at is not None

    def hears(self, all_of_it: Sequence[Heard]) -> bool:
        """Take in what happened after the entry, oldest first; an exit moves it before a goal, a goal before the end of a wait.

        True if it goes on waiting for something of a message, and one of its messages failed.
        """
        heard = [one for one in all_of_it if one.at > self.row.entered_at]
        reached = [(goal, one) for one in heard if (goal := self._goal(one))]
        if self.row.step is None:
            return False
        if any(self._exit(one) for one in heard) or any(self._jump(goal, one) for goal, one in reached):
            return False
        if any(self._wake(one) for one in heard):
            return False
        return self.awaits is not None and any(one.did == told.FAILED and one.visit_id in self.steps for one in heard)

    @property
    def awaits(self) -> WaitFor | None:
        """What of a message it waits for, if it does."""
        node = self.batch.course.graph.nodes.get(self.row.step)
        config = node.step.config if node and self.row.waits_for is not None else None
        return config if isinstance(config, WaitFor) and config.did else None

    def _is(self, what: Happening, heard: Heard) -> bool:
        """Whether this is what is meant: an event, or something with a message of this run."""
        wanted = what.wanted()
        if wanted is not None:
            return wanted.holds(heard.event, heard.properties)
        if what.did is None or what.did != heard.did:
            return False
        step = self.steps.get(heard.visit_id) if heard.visit_id else what.step
        return (step is not None or heard.did == told.REPLIED) and what.step in (None, step)

    def _goal(self, heard: Heard) -> str | None:
        """The goal that was reached; whoever reaches one in its time has converted, wherever he is, and also when he has ended."""
        for node in self.batch.course.graph.nodes.values():
            goal = node.step.config
            if not isinstance(goal, Goal) or not self._is(goal, heard):
                continue
            if not self.run.has_converted and heard.at <= self.row.entered_at + timedelta(days=goal.window_days):
                self.run.has_converted = True
                self.batch.convert(self.run, heard.at)
                self.batch.note(self.run, "converted", node.step.id, why=heard.why)
            return node.step.id
        return None

    def _exit(self, heard: Heard) -> bool:
        """It leaves at once."""
        if not any(self._is(one, heard) for one in self.batch.course.chart.rules.exits):
            return False
        self.batch.note(self.run, "left", self.row.step, why={"reason": "exit", **heard.why})
        self.batch.end(self.run, "left", "exit")
        return True

    def _jump(self, goal: str, heard: Heard) -> bool:
        """To the goal, from any step before it."""
        here = self.row.step
        if here not in self.batch.course.graph.before(goal):
            return False
        self.batch.note(self.run, "moved", here, port="out", why={"to": goal, **heard.why})
        self.batch.note(self.run, "moved", goal, port="in")
        self.batch.send_on(self.run, goal, REACHED, heard.why)
        return True

    def _wake(self, heard: Heard) -> bool:
        """It need not wait any longer."""
        here, row = self.row.step, self.row
        config = self.batch.course.graph.nodes[here].step.config if here in self.batch.course.graph.nodes else None
        if not isinstance(config, WaitFor) or row.waits_for is None or not self._is(config, heard):
            return False
        if config.since == "arrival" and heard.at < row.arrived_at:
            return False
        self.batch.send_on(self.run, here, HAPPENED, heard.why)
        return True


def _give_up(waiting: Sequence[_Told]) -> None:
    """Who waits for something of messages of which none can arrive any more goes on; two statements a step.

    For whom it has happened is told of that next, and is left to it.
    """
    at: dict[tuple[UUID, str], list[_Told]] = defaultdict(list)
    for one in waiting:
        at[one.row.version_id, one.row.step].append(one)
    for (_, step), them in at.items():
        batch, awaits = them[0].batch, them[0].awaits
        assert awaits is not None
        runs = [one.run for one in them]
        known, never = lookback.happened(batch, awaits, runs), lookback.hopeless(batch, awaits, runs)
        for one in them:
            if one.run.id in never and one.run.id not in known:
                batch.send_on(one.run, step, TIMEOUT, never[one.run.id])


# --- those who begin


def _begin(session: Session, heard: Sequence[Heard]) -> int:
    """Let flows begin for whom this is what they begin with, one statement a flow; how many people began."""
    begun = 0
    for flow in session.execute(
        select(Flow).where(Flow.id.in_(_listening(session, heard)), Flow.state == "active")
    ).scalars():
        assert flow.version_id is not None
        course = course_of(session, flow.version_id)
        meant: dict[tuple[UUID, str], Heard] = {}
        for one in sorted(_meant(session, course, heard), key=lambda one: one.at):
            meant.setdefault((one.contact_id, _key(course, one)), one)
        if meant:
            begun += starts.enter(session, flow, _audience(meant), {"type": course.chart.trigger_type})
    return begun


def _listening(session: Session, heard: Sequence[Heard]) -> set[UUID]:
    """The flows that wait for any of this."""
    names, dids = {one.event for one in heard if one.event}, {one.did for one in heard if one.did}
    events = select(EventInterest.subject_id).where(EventInterest.consumer == CONSUMER, EventInterest.name.in_(names))
    messages = select(MessageInterest.subject_id).where(MessageInterest.did.in_(dids))
    return {
        *(session.execute(events).scalars() if names else ()),
        *(session.execute(messages).scalars() if dids else ()),
    }


def _meant(session: Session, course: Course, heard: Iterable[Heard]) -> Iterable[Heard]:
    """What of it begins this flow."""
    match course.chart.trigger:
        case OnEvent(event=str(event)) as begins:
            wanted = EventIs(event=event, where=begins.where)
            return [
                one
                for one in heard
                if wanted.holds(one.event, one.properties) and (one.is_verified or begins.unverified)
            ]
        case OnMessage(did=did) as begins:
            of_it = [one for one in heard if one.did == did and begins.campaign_id in (None, one.source_id)]
            return _containing(session, begins.contains, of_it) if begins.contains else of_it
    return ()


def _containing(session: Session, word: str, heard: Sequence[Heard]) -> list[Heard]:
    """Replies with a word in them."""
    said = replies.said(session, [one.reply_id for one in heard if one.reply_id])
    return [one for one in heard if one.reply_id and word.casefold() in said.get(one.reply_id, "").casefold()]


def _key(course: Course, heard: Heard) -> str:
    """What somebody may enter once for: the value of a property, or nothing but himself."""
    key = getattr(course.chart.trigger, "key", None)
    value = heard.properties.get(key) if key else None
    return "" if value is None else str(value)[:200]


def _told(heard: Heard) -> dict[str, Any]:
    """What an event says is kept with the run: systems may be told of it."""
    return {"properties": dict(heard.properties)} if heard.properties else {}


def _audience(meant: Mapping[tuple[UUID, str], Heard]) -> Any:
    """Contact, key, what began it, and when: what happened since then counts, although it may be heard in the same go."""
    arrays = (
        bindparam(None, [contact_id for contact_id, _ in meant], ARRAY(Uuid)),
        bindparam(None, [key for _, key in meant], ARRAY(Text)),
        bindparam(None, [{**one.why, **_told(one)} for one in meant.values()], ARRAY(JSONB)),
        bindparam(None, [one.at for one in meant.values()], ARRAY(DateTime(timezone=True))),
    )
    them = func.unnest(*arrays).table_valued("contact_id", "key", "trigger", "at").render_derived("told")
    return select(them.c.contact_id, them.c.key, them.c.trigger, them.c.at)
