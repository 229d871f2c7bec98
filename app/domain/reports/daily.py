"""Day by day: what was handed over and what became of it, by which account, and who came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Date, DateTime, Select, case, cast, func, null, select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.db import live
from app.domain.contacts.models import Contact
from app.domain.messages import test_send
from app.domain.messages.models import Message, Send
from app.domain.messages.states import HANDED_OVER
from app.domain.messages.totals import TRACKED, Totals, together
from app.domain.providers.accounts import IN_USE_ORDER
from app.domain.providers.models import ProviderAccount
from app.domain.reports.counted import once_a_minute
from app.domain.reports.period import Period

WEEKLY_FROM = 32  # days, from where newcomers are counted by the week


@dataclass(frozen=True)
class Sending:
    """The messages handed over in a period, by the day of it: what was opened is counted on the day it was sent, however late.

    `followed` are those that tell when they are opened: of them opens and clicks are a share. The words are those of totals.py.
    """

    at: datetime
    days: Sequence[tuple[date, Totals]]
    whole: Totals
    followed: Totals


@dataclass(frozen=True)
class Growth:
    """How many contacts there are, and how many came, by day or by week (`step` days, named by the first)."""

    at: datetime
    contacts: int
    new: Sequence[tuple[date, int]]
    step: int

    @property
    def came(self) -> int:
        """How many came in the period."""
        return sum(number for _, number in self.new)


def sending(session: Session, period: Period, *, by: Actor) -> Sending:
    """The messages handed over in a period, by day. Raises Forbidden."""
    require(by, "messages:read")
    counted = once_a_minute(session, "sending", period, _sending)
    by_day: list[list[Totals]] = [[] for _ in period.days]
    for number, *row in counted.rows:
        by_day[number - 1].append(_totals(*row))
    followed = [one for parts in by_day for one in parts if one.opened is not None]
    days = list(zip(period.days, map(together, by_day), strict=True))
    return Sending(counted.at, days, together(one for _, one in days), together(followed))


def _sending(period: Period) -> Select[Any]:
    """One pass over the messages of the sends that were open in the period."""
    moment = func.coalesce(Message.sent_at, Message.final_at)  # one that was refused at once was never sent
    # a search among the days' first moments: half the time of asking the calendar for every message
    day = func.width_bucket(moment, cast(period.starts, ARRAY(DateTime(timezone=True)))).label("day")
    keys = (day, Send.channel, Send.message_class, Message.state)
    return (
        select(*keys, func.count(), func.count(Message.opened_at), func.count(Message.clicked_at))
        .join(Send, (Send.id == Message.send_id) & (Message.occurrence_id >= Send.first_occurrence))
        .where(Send.created_at < period.end, Send.not_after > period.start, Send.source_kind != test_send.KIND)
        .where(Message.state.in_(HANDED_OVER), moment >= period.start, moment < period.end)
        .group_by(*keys)
    )


def _totals(channel: str, message_class: str, state: str, number: int, *seen: int) -> Totals:
    opened, clicked = seen if (channel, message_class) in TRACKED else (None, None)
    return Totals(channel=channel, states={state: number}, opened=opened, clicked=clicked)


def carried(session: Session, period: Period, *, by: Actor) -> list[tuple[ProviderAccount, Totals]]:
    """What every account carried, also nothing, in the order in which accounts are used. Raises Forbidden.

    Test messages count as well: the provider has them on its bill. A doubt counts on the day it arose.
    """
    require(by, "providers:read")
    require(by, "messages:read")
    moment = func.coalesce(Message.sent_at, Message.final_at, Message.doubt_at)
    sums = (
        select(Message.provider_account_id, Message.state, func.count().label("number"))
        .join(Send, (Send.id == Message.send_id) & (Message.occurrence_id >= Send.first_occurrence))
        .where(Send.created_at < period.end, Send.not_after > period.start)
        .where(Message.state.in_((*HANDED_OVER, "in_doubt")), moment >= period.start, moment < period.end)
        .group_by(Message.provider_account_id, Message.state)
        .subquery()
    )
    query = (
        select(ProviderAccount, func.jsonb_object_agg(sums.c.state, sums.c.number).filter(sums.c.state.is_not(None)))
        .outerjoin(sums, sums.c.provider_account_id == ProviderAccount.id)
        .group_by(ProviderAccount.id)
        .order_by(*IN_USE_ORDER)
    )
    return [(one, Totals(channel=one.channel, states=states or {})) for one, states in session.execute(query)]


def growth(session: Session, period: Period, *, by: Actor) -> Growth:
    """The contacts that are there, and who of them came in a period. Raises Forbidden."""
    require(by, "contacts:read")
    counted = once_a_minute(session, "growth", period, _growth)
    came = {date.fromisoformat(one): number for one, number in counted.rows if one}
    days = list(period.days)
    step = 7 if len(days) >= WEEKLY_FROM else 1
    firsts = days[::step]
    new = [(one, sum(came.get(one + timedelta(days=n), 0) for n in range(step))) for one in firsts]
    return Growth(counted.at, sum(number for _, number in counted.rows), new, step)


def _growth(period: Period) -> Select[Any]:
    """One pass over the contacts that are there now."""
    contact = live(Contact).c
    inside = (contact.created_at >= period.start) & (contact.created_at < period.end)
    day = case((inside, cast(func.timezone(period.zone, contact.created_at), Date)), else_=null()).label("day")
    return select(day, func.count()).where(contact.deleted_at.is_(None)).group_by(day)
