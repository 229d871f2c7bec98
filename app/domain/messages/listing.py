"""Messages as people look at them: lists, one message with its evidence, numbers of a source."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import NotFound, mark
from app.core.page import Ask, Page, fetch
from app.domain.messages.models import Attempt, Message, Receipt, Send, Trace


@dataclass(frozen=True)
class Filter:
    """Which messages: of a source, a contact, a state, a reason, a channel."""

    source_id: UUID | None = None
    contact_id: UUID | None = None
    state: str = ""
    reason: str = ""
    channel: str = ""


def listed(session: Session, wanted: Filter, ask: Ask, *, by: Actor) -> Page[Message]:
    """A page of messages, newest first."""
    require(by, "messages:read")
    query = select(Message)
    if wanted.source_id:
        sends = list(session.execute(select(Send.id, Send.occurrence_id).where(Send.source_id == wanted.source_id)).all())
        query = query.where(
            Message.send_id.in_([s.id for s in sends]), Message.occurrence_id.in_([s.occurrence_id for s in sends])
        )
    for column, value in (
        (Message.contact_id, wanted.contact_id),
        (Message.state, wanted.state),
        (Message.reason, wanted.reason),
        (Message.channel, wanted.channel),
    ):
        if value:
            query = query.where(column == value)
    return fetch(session, query, [Message.__table__.c.id], ask, descending=True)


@dataclass(frozen=True)
class Evidence:
    """One message and everything known of it."""

    message: Message
    send: Send
    attempts: Sequence[Attempt]
    receipts: Sequence[Receipt]
    traces: Sequence[Trace]


def evidence(session: Session, message_id: UUID, *, by: Actor) -> Evidence:
    """One message with its attempts, receipts, opens and clicks. Raises NotFound."""
    require(by, "messages:read")
    message = session.execute(select(Message).where(Message.id == message_id)).scalar_one_or_none()
    if message is None:
        raise NotFound(mark("There is no such message."))
    occurrence = message.occurrence_id
    return Evidence(
        message,
        session.get_one(Send, message.send_id),
        session.execute(
            select(Attempt).where(Attempt.occurrence_id == occurrence, Attempt.message_id == message_id).order_by(Attempt.number)
        ).scalars().all(),
        session.execute(select(Receipt).where(Receipt.message_id == message_id).order_by(Receipt.received_at)).scalars().all(),
        session.execute(
            select(Trace).where(Trace.occurrence_id == occurrence, Trace.message_id == message_id).order_by(Trace.id)
        ).scalars().all(),
    )  # fmt: skip


@dataclass(frozen=True)
class Numbers:
    """The numbers of one send. `states` and `skips` add up to the audience."""

    channel: str
    states: dict[str, int] = field(default_factory=dict)
    skips: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    opened: int = 0
    clicked: int = 0
    parts: int = 0
    cost: Decimal = Decimal(0)

    @property
    def audience(self) -> int:
        return sum(self.states.values())

    @property
    def not_sent(self) -> int:
        """Everybody who got nothing: skipped, cancelled, expired."""
        return sum(self.states.get(s, 0) for s in ("skipped", "cancelled", "expired"))

    @property
    def handed_over(self) -> int:
        """Everything a provider has accepted, whatever came of it."""
        return sum(self.states.get(s, 0) for s in ("sent", "delivered", "undeliverable", "failed"))

    @property
    def open_now(self) -> int:
        """What still has to be handed over."""
        return self.states.get("queued", 0) + self.states.get("sending", 0)


def numbers(session: Session, source_id: UUID) -> list[Numbers]:
    """The numbers of a source, one a channel; one pass over its messages."""
    answer = []
    for send in session.execute(select(Send).where(Send.source_id == source_id).order_by(Send.id)).scalars():
        query = (
            select(
                Message.state,
                Message.reason,
                func.count().label("number"),
                func.count(Message.opened_at).label("opened"),
                func.count(Message.clicked_at).label("clicked"),
                func.coalesce(func.sum(Message.parts), 0).label("parts"),
                func.coalesce(func.sum(Message.cost), 0).label("cost"),
            )
            .where(Message.send_id == send.id, Message.occurrence_id == send.occurrence_id)
            .group_by(Message.state, Message.reason)
        )
        one = Numbers(send.channel)
        opened = clicked = parts = 0
        cost = Decimal(0)
        for row in session.execute(query):
            one.states[row.state] = one.states.get(row.state, 0) + row.number
            if row.state in ("skipped", "cancelled", "expired"):
                one.skips[row.reason or row.state] = one.skips.get(row.reason or row.state, 0) + row.number
            elif row.reason and row.state in ("failed", "undeliverable"):
                one.failures[row.reason] = one.failures.get(row.reason, 0) + row.number
            opened, clicked = opened + row.opened, clicked + row.clicked
            parts, cost = parts + int(row.parts), cost + Decimal(row.cost)
        answer.append(Numbers(one.channel, one.states, one.skips, one.failures, opened, clicked, parts, cost))
    return answer
