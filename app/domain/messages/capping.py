"""How much marketing one person may get: the organisation's caps, who has used them up, and by what.

What was handed over, or may have been, uses a cap up; what failed has reached nobody, and a test of a text is none. The time
that counts is when it went out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, func, or_, select, union
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import live
from app.core.pipeline import Step
from app.core.sql import load
from app.domain.approvals import settings
from app.domain.messages.models import TEST, Message, Send

CAPPED = "frequency_cap"  # the reason why somebody gets nothing
USES = ("sending", "in_doubt", "sent", "undeliverable", "delivered")
_SQL = load("messages/queries.sql")


@dataclass(frozen=True)
class Cap:
    """At most so many in so many days, of one channel or (`channel` is empty) of all together."""

    channel: str
    most: int
    days: int

    @property
    def since(self) -> datetime:
        return clock.now() - timedelta(days=self.days)


@dataclass(frozen=True)
class InForce:
    """The caps that a message is under; what uses them up was made in `oldest` or later, which keeps older partitions out of it."""

    caps: Sequence[Cap] = ()
    oldest: UUID | None = None


NONE = InForce()


def in_force(session: Session, channel: str, message_class: str, source_kind: str = "") -> InForce:
    """The caps that messages of a channel, class and kind of source are under: none but marketing, and no test, is under any."""
    if message_class != "marketing" or source_kind == TEST:
        return NONE
    kept = settings.organisation(session).caps
    named = (("", kept.together), (channel, getattr(kept, channel, None)))
    caps = [Cap(one, cap.most, cap.days) for one, cap in named if cap]
    if not caps:
        return NONE
    since = min(cap.since for cap in caps)
    open_then = or_(Send.not_after > since, Send.retry_until > since)
    first = select(Send.first_occurrence).where(open_then, Send.message_class == "marketing", Send.source_kind != TEST)
    return InForce(caps, session.execute(first.order_by(Send.first_occurrence).limit(1)).scalar_one_or_none())


def used_up(here: InForce, people: Select[Any]) -> Subquery:
    """Those of some people who have had as much as a cap allows."""
    message = live(Message)
    return union(
        *(
            _uses(cap, cap.since)
            .with_only_columns(message.c.contact_id)
            .where(message.c.contact_id.in_(people), message.c.occurrence_id >= here.oldest)
            .group_by(message.c.contact_id)
            .having(func.count() >= cap.most)
            for cap in here.caps
        )
    ).subquery("capped")


def _uses(cap: Cap, since: datetime) -> Select[Any]:
    """The messages that use a cap up, from a moment on."""
    message, send = live(Message), live(Send)
    query = select(message.c.id).join(send, send.c.id == message.c.send_id)
    query = query.where(
        message.c.state.in_(USES),
        _at(message) > since,
        send.c.message_class == "marketing",
        send.c.source_kind != TEST,
    )
    return query.where(message.c.channel == cap.channel) if cap.channel else query


def _at(message: Any) -> ColumnElement[datetime]:
    """When a message went out; one on the wire does so now."""
    return func.coalesce(message.c.sent_at, message.c.doubt_at, clock.now())


def at_the_gate(here: InForce) -> dict[str, Any]:
    """The caps as the gate before the wire takes them."""
    return {
        "cap_channels": [cap.channel for cap in here.caps],
        "cap_most": [cap.most for cap in here.caps],
        "cap_since": [cap.since for cap in here.caps],
        "cap_oldest": here.oldest,
        "uses": list(USES),
        "test": TEST,
    }


def take_turns(here: InForce, named: dict[str, Any]) -> list[Step]:
    """Let nobody else take the same people through the gate meanwhile: two sendings at once would see nothing of each other."""
    return [(_SQL["take_turns"], named)] if here.caps else []


@dataclass(frozen=True)
class UsedUp:
    """A cap that kept a message back: the newest messages that used it up, and how many they were."""

    cap: Cap
    number: int
    messages: Sequence[Message]


def explained(session: Session, message: Message, send: Send) -> list[UsedUp]:
    """Which of the caps there are now kept a message back, and by what they were used up when it was decided."""
    if message.reason != CAPPED or message.final_at is None:
        return []
    found, before, other = [], message.final_at, live(Message)
    for cap in in_force(session, send.channel, send.message_class).caps:
        uses = _uses(cap, before - timedelta(days=cap.days)).where(
            other.c.contact_id == message.contact_id, other.c.id != message.id, _at(other) <= before
        )
        newest = select(Message).where(Message.contact_id == message.contact_id, Message.id.in_(uses))
        messages = session.execute(newest.order_by(Message.sent_at.desc().nulls_first())).scalars().all()
        if len(messages) >= cap.most:
            found.append(UsedUp(cap, len(messages), messages[: cap.most]))
    return found
