"""What happened to messages of ours: sent, delivered, opened, and how often."""

from typing import Any, Literal

from sqlalchemy import and_, func, not_, select

from app.core.db import live
from app.core.errors import mark
from app.domain.messages.models import EngagementEvent, Message, Receipt, Reply, Send
from app.domain.segments.condition import Condition, Dependencies, Id
from app.domain.segments.context import CompileContext, Predicate, When, during
from app.domain.segments.saying import CHANNELS, Listed, Names, Said
from app.domain.segments.spans import Span, Times

message, send = live(Message), live(Send)
trace, receipt, reply = live(EngagementEvent), live(Receipt), live(Reply)
later = message.alias("later")
_TRACES = {"opened": "open", "clicked": "click", "unsubscribed": "unsubscribe"}
_STAMPS = {"sent": "sent_at", "opened": "opened_at", "clicked": "clicked_at"}
_STATES = {"delivered": ("delivered",), "failed": ("failed", "undeliverable")}
ENGAGEMENTS = {
    "sent": mark("the contact was sent a message"),
    "delivered": mark("the contact received a message"),
    "opened": mark("the contact opened a message"),
    "clicked": mark("the contact clicked in a message"),
    "replied": mark("the contact replied to a message"),
    "bounced": mark("the contact had a message bounce"),
    "complained": mark("the contact complained about a message"),
    "unsubscribed": mark("the contact unsubscribed from a message"),
    "failed": mark("the contact could not be reached by a message"),
}


class Messaged(Condition):
    """So many messages to which something happened; without `times` at least one. One message counts once."""

    kind: Literal["message"] = "message"
    did: Literal["sent", "delivered", "opened", "clicked", "replied", "bounced", "complained", "unsubscribed", "failed"]
    who: Literal["human", "any"] = "human"
    channel: Literal["sms", "email"] | None = None
    campaign: Id | None = None
    times: Times = Times()
    within: Span | None = None

    def compile(self, around: CompileContext) -> Predicate:
        """One row for each message that counts: never two, so that counting needs no DISTINCT, which would sort them all."""
        rows = select(message.c.contact_id).where(
            self._happened(self.within.bounds(around) if self.within else (None, None))
        )
        if self.channel:
            rows = rows.where(message.c.channel == self.channel)
        if self.campaign:
            of_campaign = select(send.c.id).where(send.c.source_kind == "campaign", send.c.source_id == self.campaign)
            rows = rows.where(message.c.send_id.in_(of_campaign))
        return self.times.compile(rows, message.c.contact_id)

    def _happened(self, when: When) -> Predicate:
        did = self.did
        if did in _STATES:
            return and_(message.c.state.in_(_STATES[did]), *during(message.c.final_at, when))
        # Any reader, or an unsubscribe: the traces. A human's first open and click stand on the message itself.
        if did == "unsubscribed" or (self.who == "any" and did in _TRACES):
            traced = select(trace.c.id).where(
                trace.c.message_id == message.c.id, trace.c.occurrence_id == message.c.occurrence_id,
                trace.c.kind == _TRACES[did], *during(trace.c.at, when),
            )  # fmt: skip
            return traced.correlate(message).exists()
        if did in _STAMPS:
            at = message.c[_STAMPS[did]]
            return and_(*(during(at, when) or [at.is_not(None)]))  # both would be guessed too few
        if did == "replied":
            return _replied(when)
        told_at = func.coalesce(receipt.c.occurred_at, receipt.c.received_at)
        told = select(receipt.c.event_key).where(
            receipt.c.message_id == message.c.id, receipt.c.kind == did, *during(told_at, when)
        )
        return told.correlate(message).exists()

    def words(self, names: Names) -> Said:
        """What happened, to which messages, how often and when."""
        parts: list[Any] = [Said(ENGAGEMENTS[self.did])]
        if self.campaign:
            parts.append(
                Said(
                    mark("of the campaign “%(name)s”"), {"name": names.campaigns.get(self.campaign, str(self.campaign))}
                )
            )
        if self.channel:
            parts.append(Said(mark("by %(channel)s"), {"channel": Said(CHANNELS[self.channel])}))
        if (self.times.op, self.times.value) != ("gte", 1):
            parts.append(self.times.words())
        if self.within:
            parts.append(self.within.words())
        if self.who == "any" and self.did in ("opened", "clicked"):
            parts.append(Said(mark("(robots counted too)")))
        return Said("%(parts)s", {"parts": Listed(tuple(parts), " ")})

    @property
    def needs(self) -> Dependencies:
        """Messages, and the day where the last so many count."""
        return Dependencies(messages=True, relative=bool(self.within and self.within.last))


def _replied(when: When) -> Predicate:
    """A reply names no message: it answers the last one that went to its number before it came."""
    between = select(later.c.id).where(
        later.c.contact_id == message.c.contact_id, later.c.channel == message.c.channel,
        later.c.address_blind == message.c.address_blind, later.c.sent_at > message.c.sent_at,
        later.c.sent_at <= reply.c.received_at,
    )  # fmt: skip
    answered = select(reply.c.id).where(
        reply.c.blind == message.c.address_blind, reply.c.channel == message.c.channel,
        reply.c.received_at >= message.c.sent_at, *during(reply.c.received_at, when),
        not_(between.correlate(message, reply).exists()),
    )  # fmt: skip
    return answered.correlate(message).exists()
