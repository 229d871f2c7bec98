"""What a campaign is pinned to: everything that will happen, kept with its approval and used ever after.

Launch, sending and pages read the pinned versions, never the newest: a text changed in the moment of a launch would
otherwise go out although nobody approved it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.domain.approvals.decisions import digest_of
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.campaigns.drafts import SUBJECT, Audience
from app.domain.campaigns.models import Campaign
from app.domain.content import library as content_library
from app.domain.content.models import Template, TemplateVersion
from app.domain.providers import accounts
from app.domain.segments import encryption, membership
from app.domain.segments import library as segment_library
from app.domain.segments.check import reached
from app.domain.segments.models import Segment


class PinnedText(BaseModel):
    """One channel's text: a version, which never changes, and the class that governs it."""

    model_config = ConfigDict(frozen=True)

    channel: str
    template_id: UUID
    version_id: UUID
    message_class: str


class PinnedRoute(BaseModel):
    """One account that may carry a channel's messages: where it leads and whom it names, by fingerprint."""

    model_config = ConfigDict(frozen=True)

    channel: str
    fingerprint: str
    sender: str


class Pinned(BaseModel):
    """Everything that will happen. `definitions` are those of all segments that are needed, as they are stored, by id."""

    model_config = ConfigDict(frozen=True)

    name: str
    priority: str
    scheduled_at: datetime | None
    audience: Audience
    definitions: dict[UUID, dict[str, Any]]
    texts: tuple[PinnedText, ...]
    routes: tuple[PinnedRoute, ...]

    def routes_of(self, channel: str) -> list[str]:
        """The fingerprints of the accounts that may carry a channel."""
        return sorted({route.fingerprint for route in self.routes if route.channel == channel})

    def senders_of(self, channel: str) -> list[str]:
        """Who may be named as the sender on a channel."""
        return sorted({route.sender for route in self.routes if route.channel == channel})


def present(session: Session, campaign: Campaign) -> Pinned:
    """What would happen if it were approved now. Each thing is read once, so that no two readers can see different ones."""
    texts = [_text(session, i) for i in (campaign.sms_template_id, campaign.email_template_id) if i]
    return Pinned(
        name=campaign.name,
        priority=campaign.priority,
        scheduled_at=campaign.scheduled_at,
        audience=Audience.model_validate(campaign.audience),
        definitions=_definitions(session, campaign.audience),
        texts=tuple(texts),
        routes=tuple(route for text in texts for route in _routes(session, text.channel)),
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
            "texts": [
                content_library.content_of(
                    session.get_one(TemplateVersion, text.version_id), text.channel, text.message_class
                )
                for text in pinned.texts
            ],
            "routes": [pinned.routes_of(text.channel) for text in pinned.texts],
        }
    )


def audience_of(session: Session, pinned: Pinned) -> Select[Any]:
    """The contact ids of the pinned audience, by the pinned definitions."""
    opened = {i: encryption.readable(session, stored) for i, stored in pinned.definitions.items()}
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


def _definitions(session: Session, audience: Mapping[str, Any]) -> dict[UUID, dict[str, Any]]:
    """The definitions of both sides, and of every segment that those lean on: a change of any of them is a change."""
    found: dict[UUID, dict[str, Any]] = {}
    for i in [UUID(str(i)) for side in ("segments", "exclude") for i in audience.get(side, [])]:
        segment = session.get_one(Segment, i)
        found[i] = segment.definition
        for inner in reached(session, encryption.opened(session, segment)):
            found[inner] = session.get_one(Segment, inner).definition
    return found


def _text(session: Session, template_id: UUID) -> PinnedText:
    template = session.get_one(Template, template_id)
    version = content_library.current(session, template)
    return PinnedText(
        channel=template.channel,
        template_id=template.id,
        version_id=version.id,
        message_class=template.message_class,
    )


def _routes(session: Session, channel: str) -> list[PinnedRoute]:
    return [
        PinnedRoute(channel=channel, fingerprint=accounts.fingerprint(account), sender=account.sender)
        for account in accounts.in_order(session, channel)
    ]
