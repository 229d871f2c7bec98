"""The numbers of a campaign."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.domain.campaigns.drafts import SUBJECT
from app.domain.campaigns.models import Campaign
from app.domain.content.models import TemplateVersion
from app.domain.messages import sends, totals
from app.domain.messages.hours import hours_of, keeps_hours
from app.domain.messages.models import EngagementEvent, Message, Send
from app.domain.messages.states import HANDED_OVER
from app.domain.messages.totals import Totals


def numbers(session: Session, campaign: Campaign, *, by: Actor) -> list[Totals]:
    """The numbers of each channel."""
    require(by, "campaigns:read")
    return totals.of_source(session, campaign.id)


@dataclass(frozen=True)
class Progress:
    """How far a sending is: `done` of `to_send` were handed over (Totals says what that is)."""

    to_send: int
    done: int


def progress(session: Session, campaigns: Sequence[Campaign], *, by: Actor) -> dict[UUID, Progress]:
    """How far some campaigns are, in one pass over those that have not ended; those never launched are left out."""
    require(by, "campaigns:read")
    ended = {one.id: Progress(**one.outcome) for one in campaigns if one.outcome}
    return ended | _counted(session, [one.id for one in campaigns if one.launched_at and one.id not in ended])


def _counted(session: Session, campaign_ids: Sequence[UUID]) -> dict[UUID, Progress]:
    if not campaign_ids:
        return {}
    query = (
        select(Send.source_id, Message.state, func.count())
        .join(Message, (Message.send_id == Send.id) & (Message.occurrence_id >= Send.first_occurrence))
        .where(Send.source_id.in_(campaign_ids))
        .group_by(Send.source_id, Message.state)
    )
    states: dict[UUID, dict[str, int]] = {}
    for source, state, number in session.execute(query).all():
        states.setdefault(source, {})[state] = number
    found = {source: Totals(states=known) for source, known in states.items()}
    return {source: Progress(one.to_send, one.done) for source, one in found.items()}


def held_until(session: Session, campaign: Campaign, *, by: Actor) -> datetime | None:
    """When the allowed hours let a running campaign go on, if they hold all of it back now."""
    require(by, "campaigns:read")
    if campaign.state != "running":
        return None
    open_sends = [send for send in sends.of_source(session, SUBJECT, campaign.id) if send.drained_at is None]
    if not open_sends or not all(keeps_hours(send) for send in open_sends):
        return None
    now = clock.now()
    openings = set(hours_of(session).openings(now).values())
    if now not in openings:
        return min(openings, default=None)
    first = min((due for send in open_sends if (due := sends.first_due(session, send))), default=now)
    return first if first in openings and first > now else None


@dataclass(frozen=True)
class Reach:
    """People, however many channels they were to be written to on: the audience, and who got at least one message."""

    people: int = 0
    reached: int = 0


def reach(session: Session, campaign: Campaign, *, by: Actor) -> Reach:
    """How many people the campaign is about, and how many it was handed over for."""
    require(by, "campaigns:read")
    if campaign.occurrence_id is None:
        return Reach()
    handed = func.bool_or(Message.state.in_(HANDED_OVER)).label("handed")
    each = select(handed).where(Message.occurrence_id == campaign.occurrence_id).group_by(Message.contact_id).subquery()
    row = session.execute(select(func.count(), func.count().filter(each.c.handed)).select_from(each)).one()
    return Reach(*row)


def over_time(session: Session, campaign: Campaign, *, by: Actor) -> list[tuple[str, int, int]]:
    """Handed over and delivered by minute of the sending: (minute in UTC as ISO text, sent, delivered)."""
    require(by, "campaigns:read")
    minute = func.date_trunc("minute", Message.sent_at)
    query = (
        select(minute, func.count(), func.count().filter(Message.state == "delivered"))
        .join(Send, Send.id == Message.send_id)
        .where(
            Send.source_id == campaign.id, Message.occurrence_id == campaign.occurrence_id, Message.sent_at.is_not(None)
        )
        .group_by(minute)
        .order_by(minute)
    )
    return [(at.isoformat(), sent, delivered) for at, sent, delivered in session.execute(query).all()]


def links(session: Session, campaign: Campaign, *, by: Actor) -> list[tuple[str, int]]:
    """Clicks by people on each link of the e-mail, most first: (address, people)."""
    require(by, "campaigns:read")
    send = session.execute(
        select(Send).where(Send.source_id == campaign.id, Send.channel == "email").limit(1)
    ).scalar_one_or_none()
    version = session.get(TemplateVersion, send.template_version_id) if send else None
    if version is None:
        return []
    known = version.compiled.get(version.fallback_language, {}).get("links", [])
    return [(str(known[place]), people) for place, people in _by_link(session, campaign) if place < len(known)]


def _by_link(session: Session, campaign: Campaign) -> list[tuple[int, int]]:
    """Clicks by people on each link: (number of the link, people)."""
    people = func.count(func.distinct(EngagementEvent.message_id))
    query = (
        select(EngagementEvent.link, people)
        .where(
            EngagementEvent.occurrence_id == campaign.occurrence_id,
            EngagementEvent.kind == "click",
            EngagementEvent.who == "human",
            EngagementEvent.link.is_not(None),
        )
        .group_by(EngagementEvent.link)
        .order_by(people.desc())
    )
    return [(link or 0, number) for link, number in session.execute(query).all()]
