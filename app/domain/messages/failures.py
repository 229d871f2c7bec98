"""What failed for good, as work for operations: by what sent it and by category, until somebody has seen to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import Select, Subquery, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import NotFound, mark
from app.domain.audit import trail
from app.domain.messages import retries
from app.domain.messages.models import FailureSeen, Message, Send
from app.gateways.channels.base import Category

LATELY = timedelta(days=14)  # what was sent before is in its report, and no work any more
MOST = 200


@dataclass(frozen=True)
class Failure:
    """What failed for good of one send, for one reason, since somebody saw to it; `last_at` is the newest of them."""

    send: Send
    category: str
    number: int
    last_at: datetime


def listed(session: Session, *, by: Actor) -> list[Failure]:
    """What waits for somebody, the latest first."""
    require(by, "messages:read")
    groups = _groups()
    query = select(Send, groups.c.category, groups.c.number, groups.c.last_at).join(groups, groups.c.send_id == Send.id)
    found = session.execute(query.order_by(groups.c.last_at.desc(), Send.id, groups.c.category).limit(MOST))
    return [Failure(*row) for row in found]


def number_waiting() -> Select[int]:
    """How many of them there are, to be asked together with other numbers."""
    return select(func.count()).select_from(_groups())


def _groups() -> Subquery:
    """One row for every send of late and category. A message without a receipt is no failure; it is counted apart."""
    seen = (FailureSeen.send_id == Send.id) & (FailureSeen.category == Message.reason)
    failed_at = func.date_trunc("milliseconds", Message.final_at)  # as exact as a page and the API tell it
    of_send = (Message.send_id == Send.id) & (Message.occurrence_id >= Send.first_occurrence)
    return (
        select(
            Send.id.label("send_id"),
            Message.reason.label("category"),
            func.count().label("number"),
            func.max(Message.final_at).label("last_at"),
        )
        .join(Message, of_send)
        .outerjoin(FailureSeen, seen)
        .where(Send.created_at > clock.now() - LATELY, Send.channel.in_(retries.CHANNELS))
        .where(Message.state.in_(("failed", "undeliverable")), Message.reason.in_([str(one) for one in Category]))
        .where(FailureSeen.seen_until.is_(None) | (failed_at > FailureSeen.seen_until))
        .group_by(Send.id, Message.reason)
        .subquery()
    )


class Handling(BaseModel):
    """What somebody has seen to: the failures of a send, of one category, up to a moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    send: UUID
    category: Category
    until: AwareDatetime


def handle(session: Session, handling: Handling, *, by: Actor) -> None:
    """Note that somebody has seen to what failed; what fails later is work again. Raises NotFound, Forbidden."""
    require(by, "messages:operate")
    send = session.get(Send, handling.send)
    if send is None:
        raise NotFound(mark("There is no such sending."))
    until, category = min(handling.until, clock.now()), str(handling.category)
    row = {"seen_until": until, "seen_by": by.id if by.kind == "user" else None}
    kept = insert(FailureSeen).values(organisation_id=send.organisation_id, send_id=send.id, category=category, **row)
    later = FailureSeen.seen_until < until
    session.execute(kept.on_conflict_do_update(index_elements=["send_id", "category"], set_=row, where=later))
    trail.record(session, by, "failures.handled", ("failures", send.id), after={"category": category})


def policy() -> Sequence[tuple[Category, bool]]:
    """Every category of failures and whether it is tried again."""
    return [(category, category in retries.AGAIN) for category in (*retries.AGAIN, *retries.FOR_GOOD)]
