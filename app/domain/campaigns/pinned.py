"""What a campaign is pinned to: everything that will happen, kept with its approval and used ever after.

Launch, sending and pages read the pinned versions, never the newest: a text changed in the moment of a launch would
otherwise go out although nobody approved it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.domain.approvals.decisions import digest_of
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.campaigns.drafts import SUBJECT, Audience
from app.domain.campaigns.models import Campaign
from app.domain.content import library as content_library
from app.domain.messages import pinned as messages
from app.domain.messages.pinned import PinnedText, Routed
from app.domain.segments import library as segment_library
from app.domain.segments import membership
from app.domain.segments import pinned as segments


class Pinned(Routed):
    """Everything that will happen. `definitions` are those of all segments that are needed, as they are stored, by id."""

    name: str
    priority: str
    scheduled_at: datetime | None
    audience: Audience
    definitions: dict[UUID, dict[str, Any]]
    texts: tuple[PinnedText, ...]


def present(session: Session, campaign: Campaign) -> Pinned:
    """What would happen if it were approved now. Each thing is read once, so that no two readers can see different ones."""
    texts = [messages.text(session, i) for i in (campaign.sms_template_id, campaign.email_template_id) if i]
    return Pinned(
        name=campaign.name,
        priority=campaign.priority,
        scheduled_at=campaign.scheduled_at,
        audience=Audience.model_validate(campaign.audience),
        definitions=segments.definitions(session, _named(campaign.audience)),
        texts=tuple(texts),
        routes=tuple(route for text in texts for route in messages.routes(session, text.channel)),
    )


def of_approval(approval: Approval | None) -> Pinned | None:
    """What an approval is about; None for one that pinned nothing."""
    return Pinned.model_validate(approval.pinned) if approval and approval.pinned else None


def kept(session: Session, campaign: Campaign) -> Pinned:
    """What the campaign's request or approval pinned; what is there now while there is none."""
    approval = session.get(Approval, campaign.approval_id) if campaign.approval_id else None
    return of_approval(approval) or present(session, campaign)


def digest(session: Session, pinned: Pinned) -> bytes:
    """Over everything that will happen, by content: the same text saved again, or a segment changed and changed back, is no change.

    Of the accounts all that may be used count: when one fails, the next one of its channel goes on.
    """
    sides = ("segments", "exclude")
    named: dict[str, list[Any]] = {
        side: [pinned.definitions[i] for i in getattr(pinned.audience, side)] for side in sides
    }
    if pinned.audience.groups:  # of campaigns without, the digest is what it was before there were any
        named["groups"] = [str(i) for i in sorted(pinned.audience.groups)]
    own = {*pinned.audience.segments, *pinned.audience.exclude}
    return digest_of(
        {
            "name": pinned.name,
            "priority": pinned.priority,
            "scheduled_at": pinned.scheduled_at,
            "audience": named,
            "inside": [pinned.definitions[i] for i in sorted(pinned.definitions.keys() - own)],
            "texts": [messages.content(session, text) for text in pinned.texts],
            "routes": [pinned.routes_of(text.channel) for text in pinned.texts],
        }
    )


def audience_of(session: Session, pinned: Pinned) -> Select[Any]:
    """The contact ids of the pinned audience, by the pinned definitions."""
    opened = segments.opened(session, pinned.definitions)
    who = pinned.audience
    return membership.audience(session, list(who.segments), list(who.exclude), groups=who.groups, pinned=opened)


def authors(session: Session, pinned: Pinned, campaign: Campaign) -> set[UUID]:
    """Everybody who made or changed the campaign, one of its texts or one of its segments: none of them may approve it."""
    subjects = [(SUBJECT, campaign.id), *((segment_library.SUBJECT, i) for i in pinned.definitions)]
    return {
        campaign.created_by,
        *campaign.editors,
        *content_library.authors(session, [text.template_id for text in pinned.texts]),
        *trail.actors(session, subjects, trail.WROTE),
    }


def _named(audience: Mapping[str, Any]) -> list[UUID]:
    return [UUID(str(i)) for side in ("segments", "exclude") for i in audience.get(side, [])]
