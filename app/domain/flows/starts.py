"""Who begins a flow: one statement for everybody of an audience who may enter."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    FromClause,
    Select,
    Uuid,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    literal,
    null,
    select,
    true,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.core import clock
from app.core.queue import Job
from app.core.unit import enqueue_after_commit
from app.domain.flows.course import Course, course_of
from app.domain.flows.models import Flow, FlowLog, FlowRun
from app.domain.segments.context import Predicate, contact
from app.domain.segments.kinds.bucket import InBucket

EXECUTE = Job("flows.execute", "jobs.flows.execute", 300)
CALLING = Job("flows.execute", "jobs.flows.call", 120)
CONTROL = "control"  # why somebody has ended who was never to go anywhere


def those(contact_ids: Sequence[UUID]) -> Select[Any]:
    """Some contacts as an audience."""
    return select(func.unnest(bindparam(None, list(contact_ids), ARRAY(Uuid))).column_valued("contact_id"))


def enter(session: Session, flow: Flow, audience: Select[Any], trigger: Mapping[str, Any]) -> int:
    """Let everybody of an audience begin who may; how many did.

    `audience` selects contact ids; its columns `key` (what one may enter once for), `trigger` (what else began it) and `at` (when,
    if not now) are of each.
    Nobody is in a flow twice at a time, nor enters against its rule; the control group ends at once and is counted. Of a flow that
    does not run nobody enters.
    """
    if flow.version_id is None or flow.state != "active":
        return 0
    course, now = course_of(session, flow.version_id), clock.now()
    row = {
        "organisation_id": literal(flow.organisation_id),
        **_row(course, _chosen(session, course, audience, now), trigger, now),
    }
    begun = (
        postgresql.insert(FlowRun)
        .from_select(list(row), select(*row.values()), include_defaults=False)
        .on_conflict_do_nothing()
        .returning(FlowRun.organisation_id, FlowRun.id, FlowRun.contact_id, FlowRun.step, FlowRun.trigger)
        .cte("begun")
    )
    counted = select(func.count()).select_from(begun).add_cte(_noted(course, begun, now))
    number = int(session.execute(counted).scalar_one())
    enqueue_after_commit(session, EXECUTE, flow.organisation_id)
    return number


def judged(session: Session, flow: Flow, audience: Select[Any], key: str = "") -> dict[UUID, str]:
    """Who of an audience would enter now, and who not and why; the reasons are tried in this order.

    `gone` (deleted or erased), `inside` (on the way in it), `again` (against the rule of re-entry); `control` (of the control
    group: counted and sent nothing), `enters`.
    """
    assert flow.version_id is not None
    course = course_of(session, flow.version_id)
    them = audience.subquery("them")
    who = them.c[0]
    is_gone = contact.c.id.is_(None) | contact.c.deleted_at.is_not(None) | (contact.c.status == "erased")
    inside = exists().where(
        FlowRun.flow_id == flow.id, FlowRun.contact_id == who, FlowRun.key == key, FlowRun.step.is_not(None)
    )
    verdict = case(
        (is_gone, "gone"),
        (inside, "inside"),
        (~_may(course, who, literal(key), clock.now()), "again"),
        (_is_control(session, course), "control"),
        else_="enters",
    ).label("verdict")
    query = select(who, verdict).distinct().join_from(them, contact, contact.c.id == who, isouter=True)
    return dict(session.execute(query).all())


def _chosen(session: Session, course: Course, audience: Select[Any], now: datetime) -> FromClause:
    """Who may enter, each with what he enters for, what began it, and whether he is of the control group."""
    them = audience.subquery("them")
    who, key = them.c[0], them.c.get("key", literal(""))
    more = them.c.get("trigger", literal({}, JSONB))
    began = func.least(them.c.at, now) if "at" in them.c else literal(now)
    query = (
        select(
            who.label("contact_id"),
            key.label("key"),
            more.label("more"),
            began.label("began"),
            _is_control(session, course).label("is_control"),
        )
        .join(contact, contact.c.id == who)
        .where(contact.c.deleted_at.is_(None), contact.c.status != "erased", _may(course, who, key, now))
        .ext(postgresql.distinct_on(who, key))
    )
    return query.subquery("chosen")


def _may(course: Course, who: ColumnElement[Any], key: ColumnElement[Any], now: datetime) -> ColumnElement[bool]:
    """By the rule of the trigger; that nobody is in it twice at a time the table itself sees to."""
    again = course.chart.trigger.reentry
    if again == "always":
        return true()
    since = [] if again == "never" else [FlowRun.entered_at > now - timedelta(days=again)]
    before = exists().where(FlowRun.flow_id == course.flow_id, FlowRun.contact_id == who, FlowRun.key == key, *since)
    return ~before


def _is_control(session: Session, course: Course) -> Predicate:
    """By a keyed hash: always the same people."""
    share = int(course.chart.rules.holdout_percent * 100)
    if not share:
        return false()
    draw = {"salt": f"flow:{course.flow_id}:holdout", "from": 0, "to": share - 1}
    return InBucket.model_validate(draw).compile(course.around(session))


def _row(
    course: Course, chosen: FromClause, trigger: Mapping[str, Any], now: datetime
) -> dict[str, ColumnElement[Any]]:
    """The columns of a run that begins."""
    first = course.graph.first
    goes = ~chosen.c.is_control if first else false()
    return {
        "flow_id": literal(course.flow_id),
        "version_id": literal(course.version_id),
        "contact_id": chosen.c.contact_id,
        "key": chosen.c.key,
        "state": case((goes, literal("active")), else_=literal("finished")),
        "step": case((goes, literal(first)), else_=null()),
        "due_at": case((goes, literal(now)), else_=null()),
        "ended_at": case((goes, null()), else_=literal(now)),
        "reason": case((chosen.c.is_control, literal(CONTROL)), else_=null()),
        "arrived_at": literal(now),
        "entered_at": chosen.c.began,
        "is_control": chosen.c.is_control,
        "trigger": literal(dict(trigger), JSONB).op("||")(chosen.c.more),
    }


def _noted(course: Course, begun: CTE, now: datetime) -> CTE:
    """That they entered, and where they begin."""
    said = {
        "organisation_id": begun.c.organisation_id,
        "at": literal(now),
        "flow_id": literal(course.flow_id),
        "version_id": literal(course.version_id),
        "run_id": begun.c.id,
        "contact_id": begun.c.contact_id,
        "step": begun.c.step,
        "kind": literal("entered"),
        "why": begun.c.trigger.op("-")("properties"),
    }
    rows = insert(FlowLog).from_select(list(said), select(*said.values()), include_defaults=False)
    return rows.cte("noted")
