"""Sends: what governs a batch of messages. Claiming looks at the Send only, so stopping one is one row."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, case, false, or_, select, text, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.nouns import Happening
from app.core.queue import Job
from app.core.sql import changed, load
from app.core.unit import actor_of, enqueue_after_commit
from app.domain.calendar.hours import HoursChanged
from app.domain.contacts.profile import ContactsChanged
from app.domain.contacts.zones import zones
from app.domain.messages import retries, told
from app.domain.messages.hours import Hours, hours_of, keeps_hours
from app.domain.messages.models import TEST, Message, Send
from app.domain.outbox.publish import publish
from app.domain.providers.accounts import fingerprint
from app.domain.providers.models import ProviderAccount

_SQL = load("messages/queries.sql")
_HOURS = load("messages/hours.sql")
JOB = {
    "sms": Job("messages.sms", "jobs.messages.send_sms", 300),
    "email": Job("messages.email", "jobs.messages.send_email", 300),
}


class SendDrained(Happening):
    """A send has nothing left to hand over; `subject` is its source, of which kind `source_kind` says."""

    kind = "send.drained"
    send: UUID
    source_kind: str


@dataclass(frozen=True)
class NewSend:
    """A send to be opened. `source` is (kind, id); no occurrence of its messages is older than the first."""

    first_occurrence: UUID
    source: tuple[str, UUID]
    source_name: str
    channel: str
    message_class: str
    template_version_id: UUID
    digest: bytes | None
    priority: int
    not_before: datetime
    not_after: datetime
    senders: list[str] | None = None
    routes: list[str] | None = None
    most_attempts: int = retries.MOST
    retry_hours: int = retries.HOURS


def open_send(session: Session, new: NewSend) -> Send:
    """Open a send; its messages are claimed from now on, or from `not_before`."""
    send = Send(
        organisation_id=actor_of(session).organisation_id,
        first_occurrence=new.first_occurrence,
        source_kind=new.source[0],
        source_id=new.source[1],
        source_name=new.source_name,
        channel=new.channel,
        message_class=new.message_class,
        template_version_id=new.template_version_id,
        digest=new.digest,
        priority=new.priority,
        not_before=new.not_before,
        not_after=new.not_after,
        senders=new.senders,
        routes=new.routes,
        tells=told.wanted(session, new.source[1]),
        most_attempts=new.most_attempts,
        retry_hours=new.retry_hours,
        created_at=clock.now(),
    )
    session.add(send)
    session.flush()
    return send


def may_carry(account: ProviderAccount, send: Send) -> bool:
    """True if a send was approved with this account, as it is now."""
    if send.routes is not None:
        return fingerprint(account) in send.routes
    return send.senders is None or account.sender in send.senders


def new_occurrence(session: Session) -> UUID:
    """A fresh occurrence id; the month inside it chooses the partition."""
    occurrence: UUID = session.execute(text("SELECT uuidv7()")).scalar_one()
    return occurrence


def of_source(session: Session, kind: str, source_id: UUID) -> list[Send]:
    """The sends of a source, oldest first."""
    query = select(Send).where(Send.source_kind == kind, Send.source_id == source_id).order_by(Send.id)
    return list(session.execute(query).scalars())


def messages_of(sends: Iterable[Send]) -> ColumnElement[bool]:
    """Messages of these sends; the first occurrence keeps older partitions out of it."""
    known = list(sends)
    if not known:
        return false()
    return Message.send_id.in_([one.id for one in known]) & (
        Message.occurrence_id >= min(one.first_occurrence for one in known)
    )


def reopen(session: Session, send: Send) -> None:
    """A send that had nothing left has something again; it is held, so that nobody closes it just now (look_drained)."""
    session.flush()  # what was changed of it is not lost in the reading
    session.refresh(send, with_for_update=True)
    if send.state in ("drained", "paused"):
        send.state, send.drained_at = "running" if send.state == "drained" else "paused", None
    enqueue_after_commit(session, JOB[send.channel], send.organisation_id)


def pause(session: Session, kind: str, source_id: UUID) -> None:
    """Stop claiming; what is on the wire arrives. What has nothing left stops too: more may be made for it, or tried again."""
    own = Send.source_kind == kind, Send.source_id == source_id, Send.state.in_(("running", "drained"))
    session.execute(update(Send).where(*own).values(state="paused"))


def resume(session: Session, kind: str, source_id: UUID) -> None:
    """Go on claiming, where anything is left."""
    own = Send.source_kind == kind, Send.source_id == source_id, Send.state == "paused"
    session.execute(
        update(Send).where(*own).values(state=case((Send.drained_at.is_(None), "running"), else_="drained"))
    )
    for send in of_source(session, kind, source_id):
        enqueue_after_commit(session, JOB[send.channel], send.organisation_id)


def stop(session: Session, kind: str, source_id: UUID) -> int:
    """Stop for good: everything not yet handed over is cancelled; how many messages."""
    cancelled = 0
    for send in of_source(session, kind, source_id):
        send.state = "stopped"
        session.flush()
        cancelled += changed(session, _SQL["cancel_send"], {"send": send.id, "now": clock.now()})
    return cancelled


def runnable(session: Session, channel: str, hours: Hours) -> list[Send]:
    """The sends of a channel that may be claimed from now, urgent ones first; marketing only where it is allowed to somebody."""
    now = clock.now()
    query = (
        select(Send)
        .where(Send.channel == channel, Send.state == "running", Send.not_before <= now)
        .where(or_(Send.not_after > now, Send.retry_until > now))
        .order_by(Send.priority, Send.id)
    )
    found = list(session.execute(query).scalars())
    return found if hours.is_open(now) else [send for send in found if not keeps_hours(send)]


def first_due(session: Session, send: Send) -> datetime | None:
    """When the first of what waits of a send is due."""
    waits = messages_of([send]) & (Message.state == "queued")
    return session.execute(select(Message.due_at).where(waits).order_by(Message.due_at).limit(1)).scalar_one_or_none()


def close_drained(session: Session) -> int:
    """Mark sends that have nothing more to hand over, and tell whoever opened them; how many."""
    empty = list(session.execute(_SQL["look_drained"]).scalars())
    drained = session.execute(_SQL["drain"], {"sends": empty, "now": clock.now()}).all() if empty else []
    for row in drained:
        publish(session, SendDrained(subject=row.source_id, send=row.id, source_kind=row.source_kind))
    return len(drained)


def is_due(session: Session, channel: str) -> bool:
    """True if there is something to claim on a channel now."""
    now = clock.now()
    wanted = {"channel": channel, "now": now, "open": hours_of(session).is_open(now), "test": TEST}
    return bool(session.execute(_SQL["is_due"], wanted).scalar())


def on_hours_changed(session: Session, _: HoursChanged) -> None:
    """What was moved to the hours that were is looked at again, by the hours that are."""
    session.execute(_HOURS["look_again"], {"now": clock.now(), "test": TEST, "contacts": None})


def on_contacts_changed(session: Session, happening: ContactsChanged) -> None:
    """What waits for somebody's morning is looked at again when he is in another zone; after an import that of everybody."""
    is_import = not happening.contacts and not happening.fields
    if "timezone" in happening.fields or (is_import and zones(session)):
        whose = list(happening.contacts) or None
        session.execute(_HOURS["look_again"], {"now": clock.now(), "test": TEST, "contacts": whose})


def expire_late(session: Session) -> int:
    """End what is out of date; how many messages."""
    return changed(session, _SQL["expire_late"], {"now": clock.now()})


def cancel_stopped(session: Session) -> int:
    """End what came back after its send was stopped; how many messages."""
    return changed(session, _SQL["cancel_stopped"], {"now": clock.now()})


def refresh_statistics(session: Session, occurrence_id: UUID) -> None:
    """Read anew how many messages the partition of an occurrence has; its lock is held until the end of the transaction."""
    session.execute(text("SELECT refresh_statistics('messages', :occurrence)"), {"occurrence": occurrence_id})
