"""What happened in a month, in order, for systems outside: ids, outcome, status and time, never a balance, an address or a list.

Read from what is kept of days, runs and messages, so all of it is there, once; the run is the correlation id. A message stands with
its newest word, at the time its provider gives for it: what a receipt tells late may belong before what was read already. Whoever
follows asks anew for the last three days (`since`), as long as receipts are waited for, and knows by the ids what he has.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, String, Uuid, cast, func, literal, null, select, union_all
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.page import Ask, Page, fetch
from app.domain.approvals.models import Approval
from app.domain.bank import qualification
from app.domain.bank.balances import month_of
from app.domain.bank.models import BalanceDay, QualificationRun
from app.domain.messages.models import Message, Send

TYPES = (
    "balances.verified",
    "qualification.calculated",
    "qualification.approved",
    "qualification.released",
    "notification.sent",
    "delivery.confirmed",
    "delivery.failed",
    "qualification.completed",
)
SETTLED = timedelta(minutes=1)  # whoever goes on after the last one passes over nothing that was still being written
_ENDS = {"delivery.confirmed": ("delivered",), "delivery.failed": ("failed", "undeliverable")}  # by the message's state
_Events = Select[tuple[Any, ...]]


@dataclass(frozen=True)
class MonthEvent:
    """One thing that happened. `id` is the same whenever it is read; `status` is what the day, the run or the message became."""

    id: str
    type: str
    at: datetime
    run_id: UUID
    status: str
    message_id: UUID | None
    contact_id: UUID | None
    day: date | None


@dataclass(frozen=True)
class Since:
    """Which of them: of a type, not before a moment; empty is all."""

    type: str = ""
    since: datetime | None = None


def listed(
    session: Session, run_id: UUID, ask: Ask, wanted: Since, *, descending: bool = False, by: Actor
) -> Page[MonthEvent]:
    """A page of what happened in the month of a run, the oldest first unless descending. Raises NotFound, Forbidden."""
    run = qualification.get(session, run_id, by=by)
    happened = union_all(*_of_month(run), *_of_messages(run)).subquery()
    query = select(happened).where(happened.c.at <= clock.now() - SETTLED)
    if wanted.type:
        query = query.where(happened.c.place == TYPES.index(wanted.type))
    if wanted.since:
        query = query.where(happened.c.at >= wanted.since)
    page = fetch(session, query, [happened.c.at, happened.c.place, happened.c.key], ask, descending=descending)
    return Page([_told(run, row) for row in page.items], page.next, page.prev, page.total, page.per_page)


def _told(run: QualificationRun, row: Any) -> MonthEvent:
    kind = TYPES[row.place]
    return MonthEvent(
        f"{kind}:{row.key}",
        kind,
        row.at,
        run.id,
        row.state or kind.split(".")[1],
        row.message_id,
        row.contact_id,
        row.day,
    )


def _of_month(run: QualificationRun) -> list[_Events]:
    first, after = month_of(run.month)
    own, day = QualificationRun, BalanceDay
    drained = select(func.max(Send.drained_at)).where(Send.source_id == run.id).scalar_subquery()
    verified = _events("balances.verified", day.taken_at, day.day, day=day.day)
    approved = _events("qualification.approved", Approval.decided_at, run.id).where(
        Approval.id == run.approval_id, Approval.state == "approved"
    )
    completed = _events("qualification.completed", func.coalesce(drained, own.made_at), own.id)
    return [
        verified.where(day.day >= first, day.day < after),
        _events("qualification.calculated", own.calculated_at, own.id).where(own.id == run.id),
        approved,
        _events("qualification.released", own.released_at, own.id).where(own.id == run.id),
        completed.where(own.id == run.id, own.state == "completed"),
    ]


def _of_messages(run: QualificationRun) -> list[_Events]:
    whose = {"message_id": Message.id, "contact_id": Message.contact_id}
    sent = _events("notification.sent", Message.sent_at, Message.id, **whose)
    ends = [
        _events(kind, Message.final_at, Message.id, state=Message.state, **whose).where(Message.state.in_(states))
        for kind, states in _ENDS.items()
    ]
    return [one.where(Message.occurrence_id == run.occurrence_id) for one in (sent, *ends)]


def _events(kind: str, at: Any, key: Any, **about: Any) -> _Events:
    """Those of a type, as rows that can be put together."""
    kinds = {"state": String, "message_id": Uuid, "contact_id": Uuid, "day": Date}
    shown = [about.get(name, cast(null(), kind)).label(name) for name, kind in kinds.items()]
    place = literal(TYPES.index(kind)).label("place")
    return select(place, at.label("at"), cast(key, String).label("key"), *shown).where(at.is_not(None))
