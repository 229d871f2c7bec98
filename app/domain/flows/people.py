"""Who is in a flow: lists, and what staff may do with some of them; each act has its reason in the log and in the audit trail."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.db import among
from app.core.errors import Conflict, Forbidden, Invalid, mark
from app.core.page import Ask, Page, fetch
from app.core.unit import enqueue_after_commit
from app.domain.audit import trail
from app.domain.contacts.models import Contact
from app.domain.flows import drafts, engine, starts
from app.domain.flows.acts.telling import REVIEW
from app.domain.flows.batch import Batch, Run
from app.domain.flows.course import course_of
from app.domain.flows.drafts import SUBJECT
from app.domain.flows.models import Flow, FlowRun, FlowVersion
from app.domain.flows.steps import Review

MOST = 1000  # people of one act
NEEDS, DECIDES = "flows:people", "flows:decide"
ASKED = (FlowRun.state == "active", FlowRun.waits_for == REVIEW)  # who waits for a colleague's decision
NOBODY = mark("Tick the people this is about: at least one.")
MISSING = mark("There is nobody like that in this flow any more. Reload the page.")
Does = Callable[[Batch, Run, str], None]  # with the step where the run is


@dataclass(frozen=True)
class Wanted:
    """Which runs: in a state, at a step, of a version, of a contact."""

    state: str = ""
    step: str = ""
    version_id: UUID | None = None
    contact_id: UUID | None = None

    def where(self) -> list[Any]:
        asked = {
            FlowRun.state: self.state, FlowRun.step: self.step, FlowRun.version_id: self.version_id,
            FlowRun.contact_id: self.contact_id,
        }  # fmt: skip
        return [column == value for column, value in asked.items() if value]


@dataclass(frozen=True)
class Act:
    """An act of a person: who, why, and on whom; of those who came where they are after the last he has `seen`, on nobody."""

    run_ids: Sequence[UUID]
    reason: str
    by: Actor
    seen: datetime | None = None


EVERYBODY = Wanted()


def listed(session: Session, flow_id: UUID, ask: Ask, wanted: Wanted = EVERYBODY, *, by: Actor) -> Page[Row[Any]]:
    """A page of the runs of a flow, newest first: the run, its contact's customer number, its version's number."""
    require(by, "flows:read")
    shown: tuple[Any, ...] = FlowRun, Contact.external_id, FlowVersion.number
    query = (
        select(*shown)
        .outerjoin(Contact, Contact.id == FlowRun.contact_id)
        .join(FlowVersion, FlowVersion.id == FlowRun.version_id)
        .where(FlowRun.flow_id == flow_id, *wanted.where())
    )
    return fetch(session, query, [FlowRun.__table__.c.id], ask, descending=True)


def get(session: Session, run_id: UUID, *, by: Actor) -> FlowRun:
    """One run. Raises NotFound."""
    require(by, "flows:read")
    return rows.one(session, FlowRun, run_id, MISSING)


def ids(session: Session, flow_id: UUID, wanted: Wanted, *, by: Actor) -> list[UUID]:
    """The runs that are meant, oldest first, as many as one act takes."""
    require(by, "flows:read")
    query = select(FlowRun.id).where(FlowRun.flow_id == flow_id, *wanted.where())
    return list(session.execute(query.order_by(FlowRun.id).limit(MOST)).scalars())


def retry(session: Session, flow_id: UUID, act: Act) -> int:
    """Try the step once more for whom it has failed; how many."""

    def again(batch: Batch, run: Run, step: str) -> None:
        batch.note(run, "retried", step, why=_why(act))
        batch.take_up(run, step)

    return _each(session, flow_id, act, "retried", again, where=(FlowRun.state == "failed",))


def skip(session: Session, flow_id: UUID, act: Act) -> int:
    """End a wait now, or pass a step that has failed; how many. Raises Conflict where there is a way to choose."""

    def passed(batch: Batch, run: Run, step: str) -> None:
        node = batch.course.graph.nodes[step]
        port = engine.by_itself(node.step)
        if port not in node.ways:
            raise Conflict(mark("Where the way parts nobody can be passed on. Move them to a step instead."))
        batch.send_on(run, step, port, _why(act))

    return _each(session, flow_id, act, "skipped", passed)


def move(session: Session, flow_id: UUID, to: str, act: Act) -> int:
    """Put people at another step of their version; how many. Raises Invalid (it has no such step)."""

    def moved(batch: Batch, run: Run, step: str) -> None:
        if to not in batch.course.graph.nodes:
            raise Invalid.field("step", mark("Their version has no such step."))
        put(batch, run, step, to, _why(act))

    return _each(session, flow_id, act, "moved", moved)


def put(batch: Batch, run: Run, here: str, to: str, why: dict[str, Any]) -> None:
    """Out of one step and into another, where a new visit begins."""
    batch.note(run, "moved", here, port="out", why={"to": to, **why})
    batch.note(run, "moved", to, port="in")
    batch.take_up(run, to, is_new=True)


def take_out(session: Session, flow_id: UUID, act: Act) -> int:
    """Let people leave; how many."""

    def out(batch: Batch, run: Run, step: str) -> None:
        batch.note(run, "left", step, why={**_why(act), "reason": "removed", "said": act.reason})
        batch.end(run, "left", "removed")

    return _each(session, flow_id, act, "removed", out)


def decide(session: Session, flow_id: UUID, act: Act, *, is_approved: bool) -> int:
    """Answer for people who wait for a colleague's decision; how many: who does not wait any more is left as he is.

    Raises Forbidden (another role is asked), Conflict (nobody of them waits for a decision).
    """
    port = engine.APPROVED if is_approved else engine.REJECTED

    def decided(batch: Batch, run: Run, step: str) -> None:
        config = batch.course.graph.nodes[step].step.config
        if not isinstance(config, Review) or act.by.role != config.role:
            raise Forbidden(mark("Another role is asked here."))
        batch.send_on(run, step, port, _why(act))

    seen = () if act.seen is None else (FlowRun.arrived_at <= act.seen,)
    number = _each(session, flow_id, act, port, decided, where=(*ASKED, *seen), needs=DECIDES)
    if not number:
        raise Conflict(mark("None of these people waits for a decision any more. Reload the page."))
    return number


def _each(  # noqa: PLR0913 - what, on whom, who may
    session: Session, flow_id: UUID, act: Act, said: str, does: Does, *,
    where: Sequence[Any] = (FlowRun.step.is_not(None),), needs: str = NEEDS,
) -> int:  # fmt: skip
    """Do it for those of the runs who are on their way, version by version.

    Raises:
        NotFound, Invalid (nobody, too many, no reason).
    """
    require(act.by, needs)
    if not act.run_ids:
        raise Invalid.field("runs", NOBODY)
    flow = drafts.get(session, flow_id, by=act.by)
    if not act.reason.strip() or len(act.reason) > 300:
        raise Invalid.field("reason", mark("Say why, in a few words."))
    if len(act.run_ids) > MOST:
        raise Invalid.field("runs", mark("Choose at most %(most)s people at once."), most=MOST)
    number = 0
    for version_id, some in _held(session, flow, act.run_ids, where).items():
        batch = Batch(session, course_of(session, version_id), clock.now(), flow.name)
        for row in some:
            assert row.step is not None
            does(batch, run_of(row), row.step)
            number += 1
        batch.write()
    after = {"people": number, "act": said, "reason": act.reason.strip()}
    trail.record(session, act.by, "flow.people", (SUBJECT, flow.id), after=after)
    enqueue_after_commit(session, starts.EXECUTE, flow.organisation_id)
    return number


def _held(session: Session, flow: Flow, run_ids: Sequence[UUID], where: Sequence[Any]) -> dict[UUID, list[FlowRun]]:
    """The runs, locked, by version."""
    query = select(FlowRun).where(among(FlowRun.id, run_ids), FlowRun.flow_id == flow.id, *where)
    found: dict[UUID, list[FlowRun]] = defaultdict(list)
    locked = query.order_by(FlowRun.id).with_for_update().execution_options(populate_existing=True)
    for row in session.execute(locked).scalars():
        found[row.version_id].append(row)
    return found


def run_of(row: FlowRun) -> Run:
    """A run as a batch takes it."""
    found = Run(row.id, row.contact_id, row.visit_id, clock.now(), row.entered_at, "", attempts=row.attempts)
    found.has_converted = row.converted_at is not None
    return found


def _why(act: Act) -> dict[str, Any]:
    return {"by": act.by.name, "said": act.reason.strip()}
