"""Opens, clicks and unsubscribes from signed links. Robots are kept apart, never thrown away."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from urllib.parse import urlsplit

from crawleruseragents import is_crawler  # type: ignore[import-untyped]
from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.links import Target
from app.core.sql import changed
from app.domain.consent import ledger, suppression
from app.domain.contacts.models import Contact
from app.domain.content.models import TemplateVersion
from app.domain.content.render import prepared
from app.domain.messages import told
from app.domain.messages.models import EngagementEvent, Message, Send

# Those who open mail before its reader does; the library knows crawlers, not these. Whole words: a Cubot is a telephone.
_SCANNER = re.compile(
    r"\b(bot|robot|crawler|spider|scanner|prefetch|barracuda\w*|proofpoint|mimecast|safelinks?|messagelabs|symantec|fireeye|trellix"
    r"|ironport|forcepoint|zscaler|sophos\w*|trendmicro|cloudmark|avanan|fortimail|fortiguard|mailscanner|url ?defen[cs]e"
    r"|link ?check\w*|antivirus|clamav)\b",
    re.IGNORECASE,
)
_PRIVACY = re.compile(r"^Mozilla/5\.0$")
AGAIN = timedelta(minutes=10)  # the same program within this time is the same visit
_FIRST = {"open": ("opened_at",), "click": ("clicked_at", "opened_at")}
MOST = 100  # traces of a kind that are kept of one message


@lru_cache(maxsize=4096)
def who(agent: str | None, *, is_ahead: bool = False) -> str:
    """human, robot or privacy (a mail client's own prefetch), by how a program calls itself; scored again later.

    `is_ahead` says that it only looks, or fetches before anybody asked.
    """
    if is_ahead or not agent or _SCANNER.search(agent) or is_crawler(agent):
        return "robot"
    return "privacy" if _PRIVACY.match(agent) else "human"


def opened(session: Session, target: Target, agent: str | None, *, is_ahead: bool = False) -> None:
    """Keep an open."""
    _trace(session, target, ("open", None), agent, who(agent, is_ahead=is_ahead))


def clicked(session: Session, target: Target, agent: str | None, *, is_ahead: bool = False) -> str | None:
    """Keep a click; the address to go on to, from our own table, or None if there is no such link."""
    message = session.get(Message, (target.message_id, target.occurrence_id))
    if message is None:
        return None
    send = session.get_one(Send, message.send_id)
    version = session.get_one(TemplateVersion, send.template_version_id)
    links = version.compiled.get(_language(session, message), {}).get("links", [])
    if target.index >= len(links) or urlsplit(links[target.index]).scheme not in ("http", "https"):
        return None
    _trace(session, target, ("click", target.index), agent, who(agent, is_ahead=is_ahead))
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
    return Reader(_language(session, message), _is_off(session, message))


def _is_off(session: Session, message: Message) -> bool:
    """Whether the owner of the address it went to has refused marketing: a bounce alone is no refusal."""
    return message.address_blind is not None and suppression.is_refused(session, message.address_blind, message.channel)


def unsubscribed(session: Session, target: Target, agent: str | None, *, ip: str | None) -> bool:
    """End marketing to the person on this channel, and to the address this message went to. False if unknown.

    Once is enough: whoever presses twice is not written down twice.
    """
    message = session.get(Message, (target.message_id, target.occurrence_id), with_for_update=True)
    if message is None or session.get(Contact, message.contact_id) is None:
        return False
    has_withdrawn = ledger.states(session, message.contact_id)[message.channel] == "withdrawn"
    if _is_off(session, message) and has_withdrawn:
        return True
    if not has_withdrawn:
        ledger.withdraw(
            session, message.contact_id, [message.channel], basis="unsubscribe link", source="link in a message", ip=ip
        )
    if message.address_blind is not None:
        suppression.suppress_blind(
            session, message.address_blind, channel=message.channel, reason="opt_out", source="unsubscribe link"
        )
    _trace(session, target, ("unsubscribe", None), agent, "human")
    return True


def _trace(session: Session, target: Target, what: tuple[str, int | None], agent: str | None, reader: str) -> None:
    """Keep a trace (its kind, and the link of a click), unless it is the same visit again or there are enough."""
    now, (kind, link), name = clock.now(), what, (agent or "")[:300]
    of_message = (
        EngagementEvent.occurrence_id == target.occurrence_id,
        EngagementEvent.message_id == target.message_id,
        EngagementEvent.kind == kind,
    )
    is_same = and_(
        EngagementEvent.at > now - AGAIN,
        EngagementEvent.agent == name,
        EngagementEvent.who == reader,
        EngagementEvent.link.is_not_distinct_from(link),
    )
    all_, same = session.execute(select(func.count(), func.count().filter(is_same)).where(*of_message)).one()
    if same or all_ >= MOST:
        return
    session.add(
        EngagementEvent(
            organisation_id=target.organisation_id,
            occurrence_id=target.occurrence_id,
            message_id=target.message_id,
            kind=kind,
            link=link,
            at=now,
            agent=name,
            who=reader,
        )
    )
    first = _FIRST.get(kind, ()) if reader == "human" else ()
    news = [column for column in first if _is_first(session, target, column)]
    dids = ["unsubscribed"] if kind == "unsubscribe" else [column.removesuffix("_at") for column in news]
    if dids:
        told.tell(session, [(target.occurrence_id, target.message_id)], dids)


def _is_first(session: Session, target: Target, column: str) -> bool:
    """Note the first time of something; False if there was one before."""
    own = Message.occurrence_id == target.occurrence_id, Message.id == target.message_id
    statement = update(Message).where(*own, getattr(Message, column).is_(None)).values({column: clock.now()})
    return changed(session, statement) > 0
