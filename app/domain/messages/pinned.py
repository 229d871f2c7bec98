"""Texts and routes as they were approved: what is sent is read from these, never from the newest."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from app.domain.content import library
from app.domain.content.models import Template, TemplateVersion
from app.domain.providers import accounts


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


class Routed(BaseModel):
    """Something that is sent over pinned routes."""

    model_config = ConfigDict(frozen=True)

    routes: tuple[PinnedRoute, ...] = ()

    def routes_of(self, channel: str) -> list[str]:
        """The fingerprints of the accounts that may carry a channel."""
        return sorted({route.fingerprint for route in self.routes if route.channel == channel})

    def senders_of(self, channel: str) -> list[str]:
        """Who may be named as the sender on a channel."""
        return sorted({route.sender for route in self.routes if route.channel == channel})


def text(session: Session, template_id: UUID) -> PinnedText:
    """A template's text as it is now."""
    template = session.get_one(Template, template_id)
    version = library.current(session, template)
    return PinnedText(
        channel=template.channel,
        template_id=template.id,
        version_id=version.id,
        message_class=template.message_class,
    )


def routes(session: Session, channel: str) -> list[PinnedRoute]:
    """The accounts that would carry a channel now: all of them, for when one fails, the next one goes on."""
    return [
        PinnedRoute(channel=channel, fingerprint=accounts.fingerprint(account), sender=account.sender)
        for account in accounts.in_order(session, channel)
    ]


def content(session: Session, said: PinnedText) -> dict[str, object]:
    """Everything a pinned text says, for a digest."""
    return library.content_of(session.get_one(TemplateVersion, said.version_id), said.channel, said.message_class)
