"""What becomes of the demonstration bank's messages: it follows from the customer's number alone, the same in every bank."""

from collections.abc import Iterator
from datetime import timedelta
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
from app.domain.campaigns import lifecycle
from app.domain.contacts.models import Contact
from app.domain.messages import dispatch, receipts, reference, tracking
from app.domain.messages.models import Message, Send
from app.gateways.channels.base import Category, Outgoing, Receipt, ReceiptKind, Rejected
from app.gateways.channels.memory import Memory

PHONE = "AppleWebKit/605.1.15 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"
SCANNER = "Mozilla/5.0 (compatible; GoogleImageProxy)"
SIDES = 1000


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


def send(bank: Bank, channel: str) -> None:
    """Hand over what is due on a channel, at once or in the first moment it may go; whoever is through is complete."""
    with bank.open_unit() as session:
        queued = select(Send.source_id, func.min(Message.due_at).over()).join(Message, Message.send_id == Send.id)
        queued = queued.where(Send.channel == channel, Message.state == "queued").group_by(Send.source_id, Message.due_at)
        found = session.execute(queued).all()
    if not found:
        return
    with clock.at(max(clock.now(), found[0][1])):
        line, open_pipeline = _Line(), partial(pipeline, bank.settings, bank.organisation_id)
        dispatch.dispatch(bank.open_unit, open_pipeline, lambda *_: line, channel, seconds=120)
        for campaign_id in {row[0] for row in found}:
            with bank.open_unit() as session:
                lifecycle.complete_if_drained(session, campaign_id)


class _Sent(NamedTuple):
    message: Message
    client: int


def _messages(session: Session, campaign_id: UUID, channel: str, states: tuple[str, ...]) -> Iterator[_Sent]:
    """The messages of a campaign, in the order of the customers' numbers."""
    contact, number = live(Contact).c, cast(live(Contact).c.external_id, Integer)
    query = (
        select(Message, number)
        .join(Send, (Send.id == Message.send_id) & (Send.occurrence_id == Message.occurrence_id))
        .join(live(Contact), contact.id == Message.contact_id)
        .where(Send.source_id == campaign_id, Message.channel == channel, Message.state.in_(states))
        .order_by(number)
    )
    return (_Sent(message, client) for message, client in session.execute(query).all())


def confirm(bank: Bank, campaign: str) -> None:
    """The providers tell what has arrived: all but a few, and of some nobody ever hears."""
    with bank.open_unit() as session:
        for channel in ("sms", "email"):
            sent = list(_messages(session, bank.campaigns[campaign], channel, ("sent",)))
            by_account: dict[UUID, list[Receipt]] = {}
            for message, client in sent:
                if message.provider_account_id and (told := _receipt(message, client)):
                    by_account.setdefault(message.provider_account_id, []).append(told)
            for account_id, told_of in by_account.items():
                receipts.keep(session, account_id, bank.organisation_id, told_of)
    receipts.apply_all(bank.open_unit, seconds=120)


def _receipt(message: Message, client: int) -> Receipt | None:
    luck = _dice(client, 2 if message.channel == "sms" else 3)
    if luck < 9:
        return None
    kind, category = ReceiptKind.DELIVERED, None
    if luck < 25:
        kind = ReceiptKind.UNDELIVERABLE if message.channel == "sms" else ReceiptKind.BOUNCED
        category = Category.UNDELIVERABLE if message.channel == "sms" else Category.INVALID_NUMBER
    named = reference.of(message.occurrence_id, message.id)
    at = (message.sent_at or clock.now()) + timedelta(seconds=2 + luck)
    return Receipt(f"{named}-{kind}", named, message.provider_reference, kind, at, category)


def read(bank: Bank, campaign: str, day: int) -> None:
    """Those who read on this day after it was sent open it; some click, a few do not want the next."""
    start = clock.now()
    with bank.open_unit() as session:
        for message, client in _messages(session, bank.campaigns[campaign], "email", ("delivered",)):
            if _dice(client, 4) % 16 not in _DAYS[day]:
                continue
            minutes = _dice(client, 5) * 14 * 60 // SIDES
            with clock.at(min(start + timedelta(minutes=minutes), bank.now)):
                _reads(session, message, client)


_DAYS = (range(9), range(9, 12), range(12, 14), range(14, 15), range(15, 16))


def _reads(session: Session, message: Message, client: int) -> None:
    def target(kind: str) -> Target:
        return Target(kind, message.organisation_id, message.occurrence_id, message.id)

    luck = _dice(client, 6)
    if luck >= 960:
        tracking.opened(session, target("o"), SCANNER)
    if luck >= 390:
        return
    tracking.opened(session, target("o"), PHONE)
    if luck < 85:
        tracking.clicked(session, target("c"), PHONE)
    if 380 <= luck < 386:
        tracking.unsubscribed(session, target("u"), PHONE, ip=None)
