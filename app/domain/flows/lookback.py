"""What has happened to runs already: events, what became of their messages, how often they went a way."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, DateTime, FromClause, Uuid, bindparam, exists, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on

from app.core.db import among, live
from app.domain.events.models import Event
from app.domain.flows.batch import Batch, Run
from app.domain.flows.models import FlowLog
from app.domain.flows.steps import Happening
from app.domain.messages.models import EngagementEvent, Message, Reply
from app.domain.messages.told import REPLIED

NO_MESSAGE = "no_message"
EVENT, DID = "event:", "did:"
NEVER_ARRIVED = ("skipped", "cancelled", "expired", "failed", "undeliverable")


def awaited(what: Happening) -> str:
    """What a run that waits for it is found by."""
    return EVENT + what.event if what.event else f"{DID}{what.did}"


def happened(batch: Batch, what: Happening, runs: Sequence[Run]) -> dict[UUID, dict[str, Any]]:
    """Of which runs it happened after their entry, each with what it was; one statement."""
    return _events(batch, what, runs) if what.event else _messages(batch, what, runs)


def _events(batch: Batch, what: Happening, runs: Sequence[Run]) -> dict[UUID, dict[str, Any]]:
    them, event, wanted = _them(runs), live(Event), what.wanted()
    assert wanted is not None
    query = (
        select(them.c.run_id, event.c.id)
        .ext(distinct_on(them.c.run_id))
        .join(event, event.c.contact_id == them.c.contact_id)
        .where(wanted.compile(event), event.c.occurred_at > them.c.since)
        .where(event.c.occurred_at >= min(run.entered_at for run in runs))
        .order_by(them.c.run_id, event.c.occurred_at)
    )
    return {run_id: {"event": what.event, "id": str(event_id)} for run_id, event_id in batch.session.execute(query)}


def _messages(batch: Batch, what: Happening, runs: Sequence[Run]) -> dict[UUID, dict[str, Any]]:
    """By the messages of the run's own visits: of one step, or of all."""
    step = [FlowLog.step == what.step] if what.step else []
    query = (
        select(FlowLog.run_id, Message.id)
        .ext(distinct_on(FlowLog.run_id))
        .join(Message, (Message.contact_id == FlowLog.contact_id) & (Message.occurrence_id == FlowLog.visit_id))
        .where(among(FlowLog.run_id, [run.id for run in runs]), FlowLog.kind == "passed", *step)
        .where(FlowLog.at >= min(run.entered_at for run in runs), _did(str(what.did)))
        .order_by(FlowLog.run_id, Message.created_at)
    )
    return {run_id: {"did": what.did, "message": str(message)} for run_id, message in batch.session.execute(query)}


def is_of_texts(what: Happening) -> bool:
    """Whether it happens to what the flow sends: a reply that is to no step's text can come at any time."""
    return bool(what.did) and (what.did != REPLIED or bool(what.step))


def hopeless(batch: Batch, what: Happening, runs: Sequence[Run]) -> dict[UUID, dict[str, Any]]:
    """Of which runs it cannot happen any more, each with the reason: there is no message of theirs, or none that could arrive."""
    if not is_of_texts(what):
        return {}
    steps = [what.step] if what.step else list(batch.course.pinned.texts)
    now = batch.texts(steps)
    left = [run for run in runs if now.get(run.id, "") is not None]
    before = _ends(batch, steps, left) if left else {}
    ends = {run.id: before.get(run.id, (False, None)) for run in left}
    return {i: {"nothing": now.get(i) or why or NO_MESSAGE} for i, (is_open, why) in ends.items() if not is_open}


def _ends(batch: Batch, steps: Sequence[str], runs: Sequence[Run]) -> dict[UUID, tuple[bool, str | None]]:
    """Whether a message of any of these steps is on its way or arrived, and else why the last is not; by run."""
    reason = func.coalesce(Message.reason, FlowLog.why["skipped"].astext)
    query = (
        select(
            FlowLog.run_id,
            func.coalesce(func.bool_or(Message.state.not_in(NEVER_ARRIVED)), False),
            func.array_agg(aggregate_order_by(reason, FlowLog.id.desc()))[1],
        )
        .outerjoin(Message, (Message.contact_id == FlowLog.contact_id) & (Message.occurrence_id == FlowLog.visit_id))
        .where(among(FlowLog.run_id, [run.id for run in runs]), FlowLog.kind == "passed", FlowLog.step.in_(steps))
        .where(FlowLog.at >= min(run.entered_at for run in runs))
        .group_by(FlowLog.run_id)
    )
    return {run_id: (is_open, why) for run_id, is_open, why in batch.session.execute(query)}


def _did(did: str) -> ColumnElement[bool]:
    """A message to which it happened."""
    of_it = (EngagementEvent.occurrence_id == Message.occurrence_id) & (EngagementEvent.message_id == Message.id)
    refused = exists().where(of_it, EngagementEvent.kind == "unsubscribe")
    answered = exists().where(Reply.contact_id == Message.contact_id, Reply.written_at >= Message.created_at)
    by_name: dict[str, ColumnElement[bool]] = {
        "sent": Message.sent_at.is_not(None),
        "delivered": Message.state == "delivered",
        "opened": Message.opened_at.is_not(None),
        "clicked": Message.clicked_at.is_not(None),
        "bounced": (Message.state == "failed") & Message.sent_at.is_not(None),
        "failed": Message.state.in_(("failed", "undeliverable")),
        "unsubscribed": refused,
        "replied": answered,
    }
    return by_name[did]


def passes(batch: Batch, step: str, runs: Sequence[Run]) -> Counter[UUID]:
    """How often each run has left a step, in this batch and before."""
    query = (
        select(FlowLog.run_id, func.count())
        .where(among(FlowLog.run_id, [run.id for run in runs]), FlowLog.step == step, FlowLog.kind == "passed")
        .group_by(FlowLog.run_id)
    )
    before = Counter(dict(batch.session.execute(query).all()))
    return before + batch.passes(step)


def _them(runs: Sequence[Run]) -> FromClause:
    """Rows of run, contact, and since when."""
    arrays = (
        bindparam(None, [run.id for run in runs], ARRAY(Uuid)),
        bindparam(None, [run.contact_id for run in runs], ARRAY(Uuid)),
        bindparam(None, [run.entered_at for run in runs], ARRAY(DateTime(timezone=True))),
    )
    return func.unnest(*arrays).table_valued("run_id", "contact_id", "since").render_derived("them")
