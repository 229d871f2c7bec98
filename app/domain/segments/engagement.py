"""What happened to messages of ours: sent, delivered, opened, and how often."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Exists, Select, and_, func, not_, select

from app.core.db import live
from app.domain.contacts.models import Contact
from app.domain.messages.models import EngagementEvent, Message, Receipt, Send
from app.domain.segments import days
from app.domain.segments.comparisons import COMPARE
from app.domain.segments.definition import Messaged, Span

if TYPE_CHECKING:
    from app.domain.segments.compiler import CompileContext

contact, message, send = live(Contact), live(Message), live(Send)
trace, receipt = live(EngagementEvent), live(Receipt)
_TRACES = {"opened": "open", "clicked": "click", "unsubscribed": "unsubscribe"}
_STAMPS = {"sent": "sent_at", "opened": "opened_at", "clicked": "clicked_at"}
_STATES = {"delivered": ("delivered",), "failed": ("failed", "undeliverable")}


def happened(around: "CompileContext", condition: Messaged) -> ColumnElement[bool]:
    """Contacts with so many messages to which it happened; one message counts once.

    What is true of no message at all ("fewer than 3", "exactly 0") is the opposite of what needs at least one.
    """
    op, number = condition.times.op, condition.times.value
    if _holds(op, 0, number):
        return not_(_some(around, condition, _REVERSED[op], number))
    return _some(around, condition, op, number)


_REVERSED = {"eq": "neq", "neq": "eq", "gt": "lte", "gte": "lt", "lt": "gte", "lte": "gt"}


def _holds(op: str, left: int, right: int) -> bool:
    return bool({
        "eq": left == right, "neq": left != right, "gt": left > right,
        "gte": left >= right, "lt": left < right, "lte": left <= right,
    }[op])  # fmt: skip


def _some(around: "CompileContext", condition: Messaged, op: str, number: int) -> Exists:
    """Contacts that have at least one such message, and as many as asked."""
    rows = _messages(around, condition)
    if (op, number) in (("gte", 1), ("gt", 0), ("neq", 0)):
        return rows.where(message.c.contact_id == contact.c.id).correlate(contact).exists()
    counted = rows.group_by(message.c.contact_id).having(COMPARE[op](func.count(), number)).subquery()
    return select(counted.c.contact_id).where(counted.c.contact_id == contact.c.id).correlate(contact).exists()


def _messages(around: "CompileContext", condition: Messaged) -> Select[Any]:
    """One row for each message that counts: never two, so that counting needs no DISTINCT, which would sort them all."""
    rows = select(message.c.contact_id).where(_did(condition, _bounds(around, condition.within)))
    if condition.channel:
        rows = rows.where(message.c.channel == condition.channel)
    if condition.campaign:
        of_campaign = select(send.c.id).where(send.c.source_kind == "campaign", send.c.source_id == condition.campaign)
        rows = rows.where(message.c.send_id.in_(of_campaign))
    return rows


def _did(condition: Messaged, when: "When") -> ColumnElement[bool]:
    did = condition.did
    if did in _STATES:
        return and_(message.c.state.in_(_STATES[did]), *_during(message.c.final_at, when))
    # Any reader, or an unsubscribe: the traces. A human's first open and click stand on the message itself.
    if did == "unsubscribed" or (condition.who == "any" and did in _TRACES):
        traced = select(trace.c.id).where(
            trace.c.message_id == message.c.id, trace.c.occurrence_id == message.c.occurrence_id,
            trace.c.kind == _TRACES[did], *_during(trace.c.at, when),
        )  # fmt: skip
        return traced.correlate(message).exists()
    if did in _STAMPS:
        at = message.c[_STAMPS[did]]
        return and_(*(_during(at, when) or [at.is_not(None)]))  # both would be guessed too few
    told_at = func.coalesce(receipt.c.occurred_at, receipt.c.received_at)
    told = select(receipt.c.event_key).where(
        receipt.c.message_id == message.c.id, receipt.c.kind == did, *_during(told_at, when)
    )
    return told.correlate(message).exists()


def _during(at: ColumnElement[Any], when: "When") -> list[ColumnElement[bool]]:
    first, end = when
    return [*([at >= first] if first else []), *([at < end] if end else [])]


When = tuple[datetime | None, datetime | None]


def _bounds(around: "CompileContext", span: Span | None) -> When:
    """From when, and before when."""
    if span is None:
        return None, None
    if span.last is not None:
        if span.unit == "hours":
            return around.now - timedelta(hours=span.last), None
        return days.begin(days.shifted(around.today(), -span.last, span.unit), around.zone), None
    first = days.begin(date.fromisoformat(span.first_day), around.zone) if span.first_day else None
    end = date.fromisoformat(span.last_day) + timedelta(days=1) if span.last_day else None
    return first, days.begin(end, around.zone) if end else None
