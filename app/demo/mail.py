"""What becomes of the demonstration bank's messages: it follows from the customer's number alone, the same in every bank."""

from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import live
from app.core.links import Target
from app.core.pipeline import pipeline
from app.demo.bank import Bank
from app.domain.calendar.windows import windows_of
from app.domain.campaigns import lifecycle
from app.domain.contacts.models import Contact
from app.domain.messages import dispatch, receipts, reference, tracking
from app.domain.messages.models import Message, Send
from app.gateways.channels.base import Category, Outgoing, Receipt, ReceiptKind, Rejected
from app.gateways.channels.memory import Memory

PHONE = "AppleWebKit/605.1.15 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"
SCANNER = "Mozilla/5.0 (compatible; GoogleImageProxy)"
SIDES = 1000
LONG = 12 * 60  # minutes of a day that people read in


def _dice(client: int, what: int) -> int:
    """0 to 999, as good as by chance."""
    return (client * 2654435761 + what * 40503) * 2246822519 % 2**32 // 7 % SIDES


def _client(address: str) -> int:
    """The customer's number in a made-up phone or e-mail address."""
    digits = int("".join(sign for sign in address.partition("@")[0] if sign.isdigit()))
    return digits if "@" in address else digits % 10_000_000 - 2_000_000


class _Line(Memory):
    """A line that refuses seven of a thousand."""

    def __init__(self) -> None:
        super().__init__(answer=self._answer)

    @staticmethod
    def _answer(message: Outgoing) -> Rejected | None:
        bad = _dice(_client(message.to), 1) < 7
        return Rejected("there is no such subscriber", category=Category.INVALID_NUMBER) if bad else None


def send(bank: Bank, channel: str, *, later: datetime | None = None) -> None:
    """Hand over what is due on a channel as soon as it may go, unless it may go `later`."""
    with bank.open_unit() as session:
        windows = windows_of(session)
        if later and windows.is_open(later):
            return
        due = _due(session, channel)
    if due:
        moment = max(clock.now(), due)
        with clock.at(windows.next_open(moment) or moment):
            hand_over(bank, channel)


def _due(session: Session, channel: str) -> datetime | None:
    """When the first message that waits on a channel is to go."""
    first = select(func.min(Message.due_at)).where(Message.channel == channel, Message.state == "queued")
    return session.execute(first).scalar()


def hand_over(bank: Bank, channel: str) -> None:
    """Hand over what is due on a channel now, if anything is; a campaign that is through is complete."""
    with bank.open_unit() as session:
        due = _due(session, channel)
    if due is None or due > clock.now():
        return
    line, open_pipeline = _Line(), partial(pipeline, bank.settings, bank.organisation_id)
    dispatch.dispatch(bank.open_unit, open_pipeline, lambda *_: line, channel, seconds=120)
    for campaign_id in bank.campaigns.values():
        with bank.open_unit() as session:
            lifecycle.complete_if_drained(session, campaign_id)


class _Sent(NamedTuple):
    """A message, and whom it went to. Not the entity: with thousands in a session every change would look at each of them."""

    organisation_id: UUID
    occurrence_id: UUID
    id: UUID
    account_id: UUID | None
    provider_reference: str | None
    sent_at: datetime | None
    client: int


def _messages(session: Session, source_id: UUID, channel: str, state: str) -> list[_Sent]:
    """The messages of a campaign or flow in a state, in the order of the customers' numbers."""
    contact, number = live(Contact).c, cast(live(Contact).c.external_id, Integer)
    query = (
        select(
            Message.organisation_id, Message.occurrence_id, Message.id, Message.provider_account_id,
            Message.provider_reference, Message.sent_at, number,
        )
        .join(Send, (Send.id == Message.send_id) & (Message.occurrence_id >= Send.first_occurrence))
        .join(live(Contact), contact.id == Message.contact_id)
        .where(Send.source_id == source_id, Message.channel == channel, Message.state == state)
        .order_by(number)
    )  # fmt: skip
    return [_Sent._make(row) for row in session.execute(query)]


def confirm(bank: Bank, source: str, channel: str) -> None:
    """The provider tells what has arrived: all but a few, and of some nobody ever hears."""
    with bank.open_unit() as session:
        told: dict[UUID, list[Receipt]] = {}
        for sent in _messages(session, (bank.campaigns | bank.flows)[source], channel, "sent"):
            if sent.account_id and (receipt := _receipt(sent, channel)):
                told.setdefault(sent.account_id, []).append(receipt)
        for account_id, events in told.items():
            receipts.keep(session, account_id, bank.organisation_id, events)
    receipts.apply_all(bank.open_unit, seconds=120)


def _receipt(sent: _Sent, channel: str) -> Receipt | None:
    luck = _dice(sent.client, 2 if channel == "sms" else 3)
    if luck < 9:
        return None
    kind, category = ReceiptKind.DELIVERED, None
    if luck < 25:
        kind = ReceiptKind.UNDELIVERABLE if channel == "sms" else ReceiptKind.BOUNCED
        category = Category.UNDELIVERABLE if channel == "sms" else Category.INVALID_NUMBER
    named = reference.of(sent.occurrence_id, sent.id)
    at = (sent.sent_at or clock.now()) + timedelta(seconds=2 + luck)
    return Receipt(f"{named}-{kind}", named, sent.provider_reference, kind, at, category)


def read(bank: Bank, source: str, day: int) -> None:
    """Those who read on this day after it was sent open it; some click, a few do not want the next."""
    start = clock.now()
    with bank.open_unit() as session:
        for sent in _messages(session, (bank.campaigns | bank.flows)[source], "email", "delivered"):
            if _dice(sent.client, 4) % 16 in DAYS[day]:
                minutes = _dice(sent.client, 5) * LONG // SIDES
                with clock.at(min(start + timedelta(minutes=minutes), bank.now)):
                    _reads(session, sent)


DAYS = (range(9), range(9, 12), range(12, 14), range(14, 15), range(15, 16))


def _reads(session: Session, sent: _Sent) -> None:
    def target(kind: str) -> Target:
        return Target(kind, sent.organisation_id, sent.occurrence_id, sent.id)

    luck = _dice(sent.client, 6)
    if luck >= 960:
        tracking.opened(session, target("o"), SCANNER)
    if luck >= 390:
        return
    tracking.opened(session, target("o"), PHONE)
    if luck < 85:
        tracking.clicked(session, target("c"), PHONE)
    if 380 <= luck < 386:
        tracking.unsubscribed(session, target("u"), PHONE, ip=None)
