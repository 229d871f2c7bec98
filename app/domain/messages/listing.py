"""Messages as people look at them: lists, one message with its evidence, what waits and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import NotFound, mark
from app.core.page import Ask, Page, fetch
from app.domain.consent.models import ConsentEntry
from app.domain.content.models import Template, TemplateVersion
from app.domain.messages import capping
from app.domain.messages.capping import UsedUp
from app.domain.messages.hours import Waiting, waiting
from app.domain.messages.models import Attempt, EngagementEvent, Message, Receipt, Send
from app.domain.messages.sends import may_carry, messages_of
from app.domain.providers.models import ProviderAccount


@dataclass(frozen=True)
class Filter:
    """Which messages: of a source, a contact, a state, a reason, a channel."""

    source_id: UUID | None = None
    contact_id: UUID | None = None
    state: str = ""
    reason: str = ""
    channel: str = ""
    since: datetime | None = None  # made then or later


def listed(session: Session, wanted: Filter, ask: Ask, *, by: Actor) -> Page[Message]:
    """A page of messages, newest first."""
    require(by, "messages:read")
    query = select(Message)
    if wanted.source_id:
        sends = session.execute(select(Send).where(Send.source_id == wanted.source_id)).scalars()
        query = query.where(messages_of(sends))
    for column, value in (
        (Message.contact_id, wanted.contact_id),
        (Message.state, wanted.state),
        (Message.reason, wanted.reason),
        (Message.channel, wanted.channel),
    ):
        if value:
            query = query.where(column == value)
    if wanted.since:
        query = query.where(Message.created_at >= wanted.since)
    return fetch(session, query, [Message.__table__.c.id], ask, descending=True)


@dataclass(frozen=True)
class Evidence:
    """One message and everything known of it."""

    message: Message
    send: Send
    attempts: Sequence[Attempt]
    receipts: Sequence[Receipt]
    traces: Sequence[EngagementEvent]
    version: TemplateVersion | None = None
    template: Template | None = None
    consent: ConsentEntry | None = None
    accounts: Mapping[UUID, str] = field(default_factory=dict)
    caps: Sequence[UsedUp] = ()  # that kept it back
    waits: Waiting | None = None


def evidence(session: Session, message_id: UUID, *, by: Actor) -> Evidence:
    """One message with its attempts, receipts, opens and clicks. Raises NotFound."""
    require(by, "messages:read")
    message = session.execute(select(Message).where(Message.id == message_id)).scalar_one_or_none()
    if message is None:
        raise NotFound(mark("There is no such message."))
    occurrence = message.occurrence_id
    send = session.get_one(Send, message.send_id)
    version = session.get(TemplateVersion, send.template_version_id)
    return Evidence(
        message,
        send,
        session.execute(
            select(Attempt).where(Attempt.occurrence_id == occurrence, Attempt.message_id == message_id).order_by(Attempt.number)
        ).scalars().all(),
        session.execute(select(Receipt).where(Receipt.message_id == message_id).order_by(Receipt.received_at)).scalars().all(),
        session.execute(
            select(EngagementEvent)
            .where(EngagementEvent.occurrence_id == occurrence, EngagementEvent.message_id == message_id)
            .order_by(EngagementEvent.id)
        ).scalars().all(),
        version,
        session.get(Template, version.template_id) if version else None,
        session.get(ConsentEntry, message.consent_entry_id) if message.consent_entry_id else None,
        account_names(session, by=by),
        capping.explained(session, message, send),
        waiting(session, message, send),
    )  # fmt: skip


def account_names(session: Session, *, by: Actor) -> dict[UUID, str]:
    """The names of all provider accounts, for pages that show who carried what."""
    require(by, "messages:read")
    rows = session.execute(select(ProviderAccount.id, ProviderAccount.name)).all()
    return {row.id: row.name for row in rows}


def sends_of(session: Session, sends: Iterable[UUID], *, by: Actor) -> dict[UUID, Send]:
    """The sends that some messages belong to."""
    require(by, "messages:read")
    found = session.execute(select(Send).where(Send.id.in_(set(sends)))).scalars()
    return {send.id: send for send in found}


@dataclass(frozen=True)
class Stalled:
    """A channel whose messages wait although they are due. `waiting` is counted up to MANY.

    Why: the accounts that do not answer, or the senders they were approved with that no account uses now.
    """

    channel: str
    waiting: int
    accounts: Sequence[ProviderAccount]
    senders: Sequence[str] = ()


MANY = 10_000


def stalled(session: Session, source_id: UUID | None = None, *, by: Actor) -> list[Stalled]:
    """Channels of running sends (of one source, or all) that wait because every account's last word was an error."""
    require(by, "messages:read")
    accounts = session.execute(select(ProviderAccount).where(ProviderAccount.is_enabled)).scalars().all()
    answer = []
    for channel in sorted({account.channel for account in accounts}):
        ours = [account for account in accounts if account.channel == channel]
        if all(account.last_error for account in ours) and (number := _waiting(session, channel, source_id)):
            answer.append(Stalled(channel, number, ours))
    return answer + _without_route(session, source_id, accounts)


def _without_route(session: Session, source_id: UUID | None, in_use: Sequence[ProviderAccount]) -> list[Stalled]:
    """Running sends that no account in use was approved for: they wait for a person."""
    query = select(Send).where(Send.state == "running", Send.senders.is_not(None), Send.drained_at.is_(None))
    found = session.execute(query.where(Send.source_id == source_id) if source_id else query).scalars()
    lost = [send for send in found if not any(may_carry(account, send) for account in in_use)]
    waiting = [(send, _waiting(session, send.channel, send.source_id)) for send in lost]
    return [Stalled(send.channel, number, [], tuple(send.senders or ())) for send, number in waiting if number]


def _waiting(session: Session, channel: str, source_id: UUID | None) -> int:
    """How many messages of a channel's running sends wait; counting stops at MANY, a page says "or more" then."""
    running = select(Send.id, Send.first_occurrence).where(Send.state == "running", Send.channel == channel)
    number = 0
    for send in session.execute(running.where(Send.source_id == source_id) if source_id else running).all():
        waits = (Message.send_id == send.id, Message.occurrence_id >= send.first_occurrence, Message.state == "queued")
        some = select(Message.id).where(*waits).limit(MANY - number).subquery()
        number += session.execute(select(func.count()).select_from(some)).scalar_one()
        if number >= MANY:
            break
    return number
