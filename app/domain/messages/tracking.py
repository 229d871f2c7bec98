"""Opens, clicks and unsubscribes from signed links (E8). Robots are kept apart, never thrown away."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.links import Target
from app.domain.consent import ledger, suppression
from app.domain.contacts.models import Contact
from app.domain.content.models import TemplateVersion
from app.domain.content.render import prepared
from app.domain.messages.models import Message, Send, Trace

_ROBOT = re.compile(r"bot|crawl|spider|preview|scan|proxy|curl|python|wget|GoogleImageProxy|headless", re.IGNORECASE)
_PRIVACY = re.compile(r"^Mozilla/5\.0$")


def who(agent: str | None) -> str:
    """human, robot or privacy (a mail client's own prefetch), by the user agent alone; scored again later."""
    if not agent or _ROBOT.search(agent):
        return "robot"
    return "privacy" if _PRIVACY.match(agent) else "human"


def opened(session: Session, target: Target, agent: str | None) -> None:
    """Keep an open."""
    _trace(session, target, "open", agent, None)


def clicked(session: Session, target: Target, agent: str | None) -> str | None:
    """Keep a click; the address to go on to, from our own table, or None if there is no such link."""
    message = session.get(Message, (target.message_id, target.occurrence_id))
    if message is None:
        return None
    send = session.get_one(Send, message.send_id)
    version = session.get_one(TemplateVersion, send.template_version_id)
    links = version.compiled.get(_language(session, message), {}).get("links", [])
    if target.index >= len(links) or urlsplit(links[target.index]).scheme not in ("http", "https"):
        return None
    _trace(session, target, "click", agent, target.index)
    return str(links[target.index])


def _language(session: Session, message: Message) -> str:
    """The language of the text that was sent. Messages from before it was kept: the one the contact would get now."""
    if message.language:
        return message.language
    send, contact = session.get_one(Send, message.send_id), session.get(Contact, message.contact_id)
    version = session.get_one(TemplateVersion, send.template_version_id)
    return prepared(version, send.channel).language_for(contact.language if contact else None)


@dataclass(frozen=True)
class Reader:
    """Who follows a link: the language his message was in, and whether its address is off the list already."""

    language: str
    is_off: bool


def reader(session: Session, target: Target) -> Reader | None:
    """The reader of a message, or None if there is no such message."""
    message = session.get(Message, (target.message_id, target.occurrence_id))
    if message is None:
        return None
    is_off = message.address_blind is not None and suppression.stands(session, message.address_blind, message.channel)
    return Reader(_language(session, message), is_off)


def unsubscribed(session: Session, target: Target, agent: str | None, *, ip: str | None) -> bool:
    """End marketing to the person on this channel, and to the address this message went to. False if unknown.

    Once is enough: whoever presses twice is not written down twice.
    """
    message = session.get(Message, (target.message_id, target.occurrence_id), with_for_update=True)
    if message is None or session.get(Contact, message.contact_id) is None:
        return False
    if message.address_blind is not None and suppression.stands(session, message.address_blind, message.channel):
        return True
    ledger.withdraw(
        session, message.contact_id, [message.channel], basis="unsubscribe link", source="link in a message", ip=ip
    )
    if message.address_blind is not None:
        suppression.suppress_blind(
            session, message.address_blind, channel=message.channel, reason="opt_out", source="unsubscribe link"
        )
    _trace(session, target, "unsubscribe", agent, None)
    return True


def _trace(session: Session, target: Target, kind: str, agent: str | None, link: int | None) -> None:
    now, reader = clock.now(), who(agent)
    session.add(
        Trace(
            organisation_id=target.organisation_id,
            occurrence_id=target.occurrence_id,
            message_id=target.message_id,
            kind=kind,
            link=link,
            at=now,
            agent=(agent or "")[:300],
            who="human" if kind == "unsubscribe" else reader,
        )
    )
    if reader != "human" or kind == "unsubscribe":
        return
    first = {"open": ("opened_at",), "click": ("clicked_at", "opened_at")}[kind]
    for column in first:
        session.execute(
            update(Message)
            .where(
                Message.occurrence_id == target.occurrence_id,
                Message.id == target.message_id,
                getattr(Message, column).is_(None),
            )
            .values({column: now})
        )
