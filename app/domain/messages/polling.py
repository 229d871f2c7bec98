"""Messages without a receipt are asked for at their provider every two hours for three days, then given up.

A message is asked for at the moments `sent_at + n * EVERY`, so each account needs one row only, which says up to which moment it
has been asked: of a million messages without news not one is written to. What the provider tells goes through the same inbox and
the same merge as its webhooks.

A message is given up after its last moment has been asked for, never by the clock alone: should the clock jump, everything is asked
for first. Then at most a twentieth of what is open at once, so that a provider that forgets, or a clock that is wrong, can be
noticed before all of it is gone. A late receipt still corrects it; it is never sent again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.queue import Job
from app.core.sql import load
from app.core.unit import enqueue_after_commit
from app.domain.messages import receipts, reference, told
from app.domain.messages.models import Poll
from app.domain.providers import accounts
from app.domain.providers.accounts import OpenChannel
from app.gateways.channels.base import Channel, Receipt, ReceiptKind, Unavailable

log = logging.getLogger(__name__)
POLL = Job("webhooks.inbound", "jobs.messages.poll", 300)
EVERY = timedelta(hours=2)
TIMES = 36
GIVEN_UP = EVERY * TIMES
NO_CONFIRMATION = "no_confirmation"
ROUND = timedelta(minutes=5)  # an account is asked about what has come due since
PAUSE = timedelta(minutes=10)  # after a provider did not answer
TRIES = 36  # for so long; then what was to be asked for has been asked in vain
AT_ONCE = 500
SHARE, FEW = 0.05, 1000  # of the open messages of an account at once, or so many
_SQL = load("messages/queries.sql")

OpenUnit = Callable[[], AbstractContextManager[Session]]


def schedule(session: Session) -> None:
    """See to it that every account that sends SMS has its row."""
    session.execute(_SQL["begin_polls"], {"now": clock.now()})


def are_due(session: Session) -> bool:
    """True if an account is to be asked."""
    free = or_(Poll.lease_until.is_(None), Poll.lease_until < func.clock_timestamp())
    return bool(session.execute(select(exists().where(Poll.due_at <= clock.now(), free))).scalar())


def poll(open_unit: OpenUnit, open_channel: OpenChannel, *, stopping: Callable[[], bool] = lambda: False) -> None:
    """Ask every account that is due about its messages without a receipt, and give up those that were asked for to the end."""
    while not stopping():
        with open_unit() as session:
            claimed = session.execute(_SQL["claim_poll"], {"now": clock.now()}).scalar_one_or_none()
        if claimed is None:
            return
        asyncio.run(_poll(open_unit, open_channel, claimed, stopping))


async def _poll(open_unit: OpenUnit, open_channel: OpenChannel, account_id: UUID, stopping: Callable[[], bool]) -> None:
    until = clock.now()
    with open_unit() as session:
        account = accounts.get(session, account_id)
        channel = open_channel(account.kind, account.config, accounts.secret_of(session, account))
    try:
        async with channel:
            is_whole = False
            while not (is_whole or stopping()):
                is_whole = await _ask_some(open_unit, channel, account_id, until)
    except Unavailable as broke:
        with open_unit() as session:
            _put_off(session, account_id, until, broke)
        return
    with open_unit() as session:
        row = session.get_one(Poll, account_id, with_for_update=True)
        more = _give_up(session, row)
        row.lease_until = None
        row.due_at = until if more or not is_whole else until + ROUND


async def _ask_some(open_unit: OpenUnit, channel: Channel, account_id: UUID, until: datetime) -> bool:
    """Ask for the next of what has come due, and go on from there; True if that was all."""
    with open_unit() as session:
        asked = session.get_one(Poll, account_id).asked_until
        values = {
            "account": account_id,
            "asked": asked,
            "until": until,
            "every": EVERY,
            "times": TIMES,
            "most": AT_ONCE,
        }
        due = session.execute(_SQL["to_poll"], values).all() if channel.status_batch else []
    heard = await _ask(channel, [reference.of(row.occurrence_id, row.id, row.retries) for row in due])
    is_whole = len(due) < AT_ONCE
    with open_unit() as session:
        row = session.get_one(Poll, account_id, with_for_update=True)
        if heard:
            receipts.keep(session, account_id, row.organisation_id, heard)
            enqueue_after_commit(session, receipts.APPLY_RECEIPTS, row.organisation_id)
        row.asked_until = max(row.asked_until, until if is_whole else due[-1].moment)
        row.tries, row.failure = 0, None
        row.lease_until = cast(Any, func.clock_timestamp() + timedelta(minutes=2))
    return is_whole


async def _ask(channel: Channel, references: Sequence[str]) -> list[Receipt]:
    """What is new: "sent" is known already, and what was not asked for is not believed."""
    heard: list[Receipt] = []
    for start in range(0, len(references), channel.status_batch or 1):
        some = references[start : start + channel.status_batch]
        found = await channel.status(some)
        heard += [one for one in found if one.reference in set(some) and one.kind is not ReceiptKind.SENT]
    return heard


def _put_off(session: Session, account_id: UUID, until: datetime, broke: Unavailable) -> None:
    row = session.get_one(Poll, account_id, with_for_update=True)
    row.lease_until, row.failure, row.tries = None, broke.reason[:300], row.tries + 1
    row.due_at = clock.now() + PAUSE
    if row.tries >= TRIES:
        log.error("a provider could not be asked about its messages", extra={"account": str(account_id)})
        row.asked_until, row.tries = until, 0


def _give_up(session: Session, row: Poll) -> bool:
    """End what was asked for to the end, some at once; True if there is more."""
    over = {"account": row.provider_account_id, "before": row.asked_until - GIVEN_UP}
    if not session.execute(_SQL["any_unconfirmed"], over).scalar():
        return False
    opened = session.execute(_SQL["count_unconfirmed"], {"account": row.provider_account_id}).scalar_one()
    most = max(FEW, int(opened * SHARE))
    given_up = session.execute(_SQL["give_up"], {**over, "now": clock.now(), "most": most}).all()
    told.tell(session, [(one.occurrence_id, one.id) for one in given_up], told.SAID_LATER)
    return len(given_up) >= most
