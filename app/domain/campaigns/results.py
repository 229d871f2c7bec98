"""The numbers of a campaign."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.domain.campaigns.models import Campaign
from app.domain.messages import listing
from app.domain.messages.models import Message, Send, Trace


def numbers(session: Session, campaign: Campaign, *, by: Actor) -> list[listing.Numbers]:
    """The numbers of each channel; skips and states add up to the audience."""
    require(by, "campaigns:read")
    return listing.numbers(session, campaign.id)


def over_time(session: Session, campaign: Campaign) -> list[tuple[str, int, int]]:
    """Handed over and delivered by minute of the sending: (minute in UTC as ISO text, sent, delivered)."""
    minute = func.date_trunc("minute", Message.sent_at)
    query = (
        select(minute, func.count(), func.count().filter(Message.state == "delivered"))
        .join(Send, Send.id == Message.send_id)
        .where(Send.source_id == campaign.id, Message.occurrence_id == campaign.occurrence_id, Message.sent_at.is_not(None))
        .group_by(minute)
        .order_by(minute)
    )
    return [(at.isoformat(), sent, delivered) for at, sent, delivered in session.execute(query).all()]


def by_link(session: Session, campaign: Campaign) -> list[tuple[int, int]]:
    """Clicks by people on each link: (number of the link, people)."""
    people = func.count(func.distinct(Trace.message_id))
    query = (
        select(Trace.link, people)
        .where(Trace.occurrence_id == campaign.occurrence_id, Trace.kind == "click", Trace.who == "human", Trace.link.is_not(None))
        .group_by(Trace.link)
        .order_by(people.desc())
    )
    return [(link or 0, number) for link, number in session.execute(query).all()]
