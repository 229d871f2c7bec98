"""Messages in doubt: abandoned intents become doubts, doubts are settled by evidence, else by policy or a person.

A provider's "I never had it" is believed only after, in the same breath, it found messages it certainly accepted; a broken
look-up is worse than none. Without evidence nothing is sent again.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, mark
from app.core.queue import Job
from app.core.sql import changed, load
from app.domain.audit import trail
from app.domain.messages import reference, sends
from app.domain.messages.models import Attempt, Message, Send
from app.domain.messages.states import RANKS
from app.domain.providers import accounts
from app.domain.providers.accounts import OpenChannel
from app.domain.providers.models import ProviderAccount
from app.gateways.channels.base import Absent, Channel, Found

_SQL = load("messages/queries.sql")
SETTLE_SECONDS = 900
AT_ONCE = 200
RECONCILE = Job("webhooks.inbound", "jobs.messages.reconcile_doubts", 120)

OpenUnit = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True)
class Settled:
    """What a run found out."""

    found: int = 0
    absent: int = 0
    still: int = 0


def doubt_abandoned(session: Session) -> int:
    """Turn intents whose worker died or froze into doubts; how many."""
    return changed(session, _SQL["doubt_abandoned"])


def reconcile(open_unit: OpenUnit, open_channel: OpenChannel) -> Settled:
    """Ask every account about its messages in doubt that are older than its settling time."""
    with open_unit() as session:
        work = [(account, accounts.secret_of(session, account)) for account in _askable(session)]
    total = Settled()
    for account, secret in work:
        one = asyncio.run(_ask(open_unit, open_channel(account.kind, account.config, secret), account))
        total = Settled(total.found + one.found, total.absent + one.absent, total.still + one.still)
    return total


def _askable(session: Session) -> list[ProviderAccount]:
    doubted = select(Message.provider_account_id).where(Message.state == "in_doubt").distinct()
    return list(session.execute(select(ProviderAccount).where(ProviderAccount.id.in_(doubted))).scalars())


async def _ask(open_unit: OpenUnit, channel: Channel, account: ProviderAccount) -> Settled:
    settle = float(account.config.get("settle_seconds", SETTLE_SECONDS))
    with open_unit() as session:
        doubts = session.execute(_SQL["doubts"], {"account": account.id, "settle": settle, "most": AT_ONCE}).all()
        control = session.execute(_SQL["known_good"], {"account": account.id}).all()
    if not doubts:
        return Settled()
    found = absent = 0
    async with channel:
        for doubt in doubts:
            answer = await channel.look_up(reference.of(doubt.occurrence_id, doubt.id, doubt.retries))
            if isinstance(answer, Found):
                found += _resolve_found(open_unit, doubt, answer.provider_id)
            elif isinstance(answer, Absent) and await _is_honest(channel, control):
                absent += _resolve_absent(open_unit, doubt)
    return Settled(found, absent, len(doubts) - found - absent)


async def _is_honest(channel: Channel, control: Any) -> bool:
    """The positive control: the provider must find every one of the latest messages it certainly accepted."""
    if not control:
        return False
    for known in control:
        if not isinstance(await channel.look_up(reference.of(known.occurrence_id, known.id)), Found):
            return False
    return True


def _resolve_found(open_unit: OpenUnit, doubt: Any, provider_id: str) -> int:
    with open_unit() as session:
        values = {"occurrence": doubt.occurrence_id, "id": doubt.id, "reference": provider_id, "now": clock.now()}
        session.execute(_SQL["resolve_found"], values)
    return 1


def _resolve_absent(open_unit: OpenUnit, doubt: Any) -> int:
    with open_unit() as session:
        values = {"occurrence": doubt.occurrence_id, "id": doubt.id, "doubt": doubt.doubt_at, "now": clock.now()}
        states = session.execute(_SQL["resolve_absent"], values).scalars().all()
        if "queued" in states:
            message = session.get_one(Message, (doubt.id, doubt.occurrence_id))
            sends.reopen(session, session.get_one(Send, message.send_id))
    return len(states)


def resolve(session: Session, message_id: UUID, *, as_: str, by: Actor) -> Message:
    """A person settles a doubt: `as_` is "sent" (believe it arrived) or "again" (send it once more, knowingly).

    Raises:
        NotFound, Conflict (not in doubt, or sending it again although it was stopped), Invalid.
    """
    require(by, "messages:operate")
    message = rows.one_for_update(session, Message, message_id, mark("There is no such message."))
    if message.state != "in_doubt":
        raise Conflict(mark("This message is not in doubt any more."))
    if as_ not in ("sent", "again"):
        raise Invalid.field("as", mark("Choose “sent” or “again”."))
    if as_ == "again" and session.get_one(Send, message.send_id).state == "stopped":
        raise Conflict(mark("This was cancelled: its messages cannot be sent again."))
    state = "sent" if as_ == "sent" else "queued"
    message.state, message.rank = state, RANKS[state]
    message.doubt_at = None
    if state == "sent":
        message.sent_at = _tried_at(session, message)
    else:
        message.due_at = clock.now()
        session.flush()
        sends.reopen(session, session.get_one(Send, message.send_id))
    trail.record(session, by, f"message.resolved_{as_}", ("message", message.id))
    return message


def _tried_at(session: Session, message: Message) -> datetime:
    """When a message was handed over for the last time, whatever came of it."""
    tries = select(func.max(Attempt.started_at)).where(
        Attempt.occurrence_id == message.occurrence_id, Attempt.message_id == message.id
    )
    return session.execute(tries).scalar_one() or clock.now()


def are_waiting(session: Session) -> bool:
    """True if a message is in doubt."""
    return bool(session.execute(select(exists().where(Message.state == "in_doubt"))).scalar())
