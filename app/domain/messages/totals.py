"""The numbers of a sending: one value with one definition of every number and rate, for page, list, API, PDF and Excel.

    audience = left out + to send
    to send  = waiting + in doubt + handed over + taken back
    handed over = delivered + failed + no word yet

What cannot be measured is None and is shown as a dash everywhere: nobody knows whether an SMS was opened.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.messages.models import EngagementEvent, Message, Send
from app.domain.messages.sends import messages_of
from app.domain.messages.states import HANDED_OVER, NOT_SENT, OPEN

# Every rate and what it is a share of.
RATES = {
    "left_out": "audience",
    "handed_over": "to_send",
    "delivered": "handed_over",
    "opened": "handed_over",
    "clicked": "handed_over",
    "unsubscribed": "handed_over",
    "failed": "handed_over",
}
TRACKED = (
    ("email", "marketing"),
)  # channel and class of what tells when it is opened and clicked; service mail is not followed
COUNTED = (
    "audience", "left_out", "to_send", "waiting", "in_doubt", "taken_back", "handed_over", "delivered", "failed", "no_word",
    "opened", "clicked", "unsubscribed", "parts",
)  # fmt: skip


@dataclass(frozen=True)
class Totals:
    """The numbers of one channel, or of all together (`channel` is empty): messages, one a person and channel.

    `states` add up to the audience; `skips` say why somebody got nothing, `failures` why what was handed over did not arrive.
    """

    channel: str = ""
    states: Mapping[str, int] = field(default_factory=dict)
    skips: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    opened: int | None = None
    clicked: int | None = None
    unsubscribed: int = 0
    duplicate_delivered: int = 0  # who got it twice, because a receipt came too late
    parts: int = 0
    cost: Decimal = Decimal(0)

    def _of(self, *states: str) -> int:
        return sum(self.states.get(state, 0) for state in states)

    @property
    def audience(self) -> int:
        """Everybody of the audience."""
        return sum(self.states.values())

    @property
    def left_out(self) -> int:
        """Who was never to get it, each with a reason: no consent, no address, suppressed."""
        return self._of("skipped")

    @property
    def to_send(self) -> int:
        """Everything that was to be sent."""
        return self.audience - self.left_out

    @property
    def waiting(self) -> int:
        """What still has to be handed over."""
        return self._of(*OPEN)

    @property
    def in_doubt(self) -> int:
        """What a provider may or may not have taken."""
        return self._of("in_doubt")

    @property
    def taken_back(self) -> int:
        """What was to be sent and was not: cancelled, or out of date."""
        return self._of("cancelled", "expired")

    @property
    def handed_over(self) -> int:
        """Everything that was given to a provider, whatever came of it."""
        return self._of(*HANDED_OVER)

    @property
    def delivered(self) -> int:
        """What a receipt says has arrived."""
        return self._of("delivered")

    @property
    def failed(self) -> int:
        """What did not arrive: refused, or undeliverable."""
        return self._of("failed", "undeliverable")

    @property
    def no_word(self) -> int:
        """What was handed over and has no receipt yet."""
        return self._of("sent")

    @property
    def done(self) -> int:
        """What needs nothing more from us, of what was to be sent: who was left out is not work that was done."""
        return self.handed_over + self.in_doubt

    @property
    def not_sent(self) -> int:
        """Everybody who got nothing: left out, or taken back."""
        return self._of(*NOT_SENT)

    @property
    def per_delivered(self) -> Decimal | None:
        """What a delivered message costs, with what was paid for others; None where none was."""
        return self.cost / self.delivered if self.delivered else None

    def rate(self, name: str) -> float | None:
        """A rate by its name in RATES; None where it cannot be measured, or there is nothing it could be a share of."""
        whole, part = getattr(self, RATES[name]), getattr(self, name)
        return part / whole if whole and part is not None else None


def of_source(session: Session, source_id: UUID) -> list[Totals]:
    """The numbers of whatever opened some sends, one a channel; one pass over its messages."""
    sends = session.execute(select(Send).where(Send.source_id == source_id).order_by(Send.id)).scalars().all()
    refused = _unsubscribed(session, sends)
    return [_of_send(session, send, refused.get(send.id, 0)) for send in sends]


def of_sends(session: Session, send_ids: Sequence[UUID]) -> dict[UUID, Totals]:
    """The numbers of some sends, each by itself."""
    sends = session.execute(select(Send).where(Send.id.in_(send_ids)).order_by(Send.id)).scalars().all()
    refused = _unsubscribed(session, sends)
    return {send.id: _of_send(session, send, refused.get(send.id, 0)) for send in sends}


def _of_send(session: Session, send: Send, unsubscribed: int) -> Totals:
    query = (
        select(
            Message.state,
            Message.reason,
            func.count().label("number"),
            func.count(Message.opened_at).label("opened"),
            func.count(Message.clicked_at).label("clicked"),
            func.count().filter(Message.duplicate_delivered).label("twice"),
            func.coalesce(func.sum(Message.parts), 0).label("parts"),
            func.coalesce(func.sum(Message.cost), 0).label("cost"),
        )
        .where(messages_of([send]))
        .group_by(Message.state, Message.reason)
    )
    rows = session.execute(query).all()
    is_tracked = (send.channel, send.message_class) in TRACKED
    return Totals(
        channel=send.channel,
        states=_sums((row.state, row.number) for row in rows),
        skips=_sums((row.reason or row.state, row.number) for row in rows if row.state in NOT_SENT),
        failures=_sums(
            (row.reason, row.number) for row in rows if row.reason and row.state in ("failed", "undeliverable")
        ),
        opened=sum(row.opened for row in rows) if is_tracked else None,
        clicked=sum(row.clicked for row in rows) if is_tracked else None,
        unsubscribed=unsubscribed,
        duplicate_delivered=sum(row.twice for row in rows),
        parts=sum(int(row.parts) for row in rows),
        cost=sum((Decimal(row.cost) for row in rows), Decimal(0)),
    )


def _unsubscribed(session: Session, sends: Sequence[Send]) -> dict[UUID, int]:
    """People who unsubscribed by what some sends brought them."""
    people = func.count(func.distinct(Message.contact_id))
    query = (
        select(Message.send_id, people)
        .join(
            EngagementEvent,
            (EngagementEvent.message_id == Message.id) & (EngagementEvent.occurrence_id == Message.occurrence_id),
        )
        .where(messages_of(sends), EngagementEvent.kind == "unsubscribe")
        .group_by(Message.send_id)
    )
    return dict(session.execute(query).all())


def together(parts: Iterable[Totals]) -> Totals:
    """Several channels as one: messages add up, people do not (results.reach counts those)."""
    every = list(parts)
    return Totals(
        states=_sums(item for one in every for item in one.states.items()),
        skips=_sums(item for one in every for item in one.skips.items()),
        failures=_sums(item for one in every for item in one.failures.items()),
        opened=_known(one.opened for one in every),
        clicked=_known(one.clicked for one in every),
        unsubscribed=sum(one.unsubscribed for one in every),
        duplicate_delivered=sum(one.duplicate_delivered for one in every),
        parts=sum(one.parts for one in every),
        cost=sum((one.cost for one in every), Decimal(0)),
    )


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, number in pairs:
        found[name] = found.get(name, 0) + number
    return found


def _known(values: Iterable[int | None]) -> int | None:
    measured = [value for value in values if value is not None]
    return sum(measured) if measured else None


def as_plain(one: Totals) -> dict[str, Any]:
    """All of it by name, each rate with what it is a share of."""
    counted = {name: getattr(one, name) for name in COUNTED}
    rates = {name: {"value": one.rate(name), "of": whole} for name, whole in RATES.items()}
    plain = {"states": dict(one.states), "skips": dict(one.skips), "failures": dict(one.failures)}
    counted["duplicate_delivered"] = one.duplicate_delivered
    return {"channel": one.channel, **counted, "cost": one.cost, "rates": rates, **plain}
