"""The text of one message as it was sent: made again from the version and the values kept with it, and proved by its digest."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import phone
from app.core.actor import Actor, require
from app.core.links import Links
from app.core.text import MASK, masked_email, masked_name
from app.core.unit import settings_of
from app.core.vault import Sealed
from app.domain.access.keyring import vault_of
from app.domain.audit import trail
from app.domain.contacts import properties
from app.domain.contacts.models import Contact
from app.domain.content.models import TemplateVersion
from app.domain.content.render import Email, TemplateError, prepared
from app.domain.messages import kept
from app.domain.messages.kept import Kept
from app.domain.messages.models import Attempt, Message, Send
from app.domain.messages.rendering import linker

_NAMES = ("first_name", "last_name")


@dataclass(frozen=True)
class MessageText:
    """A text as it was sent; masked, names and personal properties are not shown and nothing can be proved.

    In `html` links lead nowhere and nothing is counted. `is_proved` is False if what was made again is not what was sent: the
    page says so instead of claiming it.
    """

    language: str
    to: str
    sender: str
    subject: str
    body: str
    html: str
    is_masked: bool
    is_proved: bool


def of(session: Session, message: Message, *, by: Actor, reveal: bool = False) -> MessageText | None:
    """What the message said, or None if it was not handed over or the person was erased; masked unless `reveal`, which is logged.

    Raises Forbidden.
    """
    require(by, "messages:read")
    one = _kept(session, message)
    if one is None:
        return None
    if not reveal:
        return _made(session, message, _masked(session, one), is_masked=True)
    require(by, "contacts:reveal")
    trail.record(session, by, "contact.revealed", ("contact", message.contact_id), after={"message": str(message.id)})
    return _made(session, message, one, is_masked=False)


def _kept(session: Session, message: Message) -> Kept | None:
    """What the latest attempt kept."""
    query = (
        select(Attempt.sealed)
        .where(
            Attempt.occurrence_id == message.occurrence_id,
            Attempt.message_id == message.id,
            Attempt.sealed.is_not(None),
        )
        .order_by(Attempt.number.desc())
    )
    sealed, contact = session.execute(query.limit(1)).scalar_one_or_none(), session.get(Contact, message.contact_id)
    if sealed is None or contact is None:
        return None
    try:
        return kept.opened(vault_of(session), contact.id, contact.key, message.id, sealed)
    except (Sealed, ValueError):
        return None


def _masked(session: Session, one: Kept) -> Kept:
    personal = {definition.key for definition in properties.listed(session) if definition.is_pii}
    contact = {name: masked_name(str(value)) if name in _NAMES else value for name, value in one.contact.items()}
    own = {key: 3 * MASK if key in personal else value for key, value in one.properties.items()}
    to = masked_email(one.to) if "@" in one.to else phone.masked(one.to)
    return replace(one, contact=contact, properties=own, to=to, values=dict.fromkeys(one.values, 3 * MASK))


def _made(session: Session, message: Message, one: Kept, *, is_masked: bool) -> MessageText | None:
    send = session.get_one(Send, message.send_id)
    ready = prepared(session.get_one(TemplateVersion, send.template_version_id), message.channel)
    links = Links(settings_of(session), one.base_url)
    data: dict[str, Any] = {**one.data, "campaign": {"name": send.source_name}}

    def dead(_kind: str, _index: int = 0) -> str:
        return links.example()  # whoever looks at a message must not open it, click in it or unsubscribe

    try:
        if message.channel == "sms":
            url = dead("u") if is_masked or one.code is None else links.short(one.code)
            made: str | Email = ready.sms(one.language, {**data, "unsubscribe_url": url})
            html = ""
        else:
            alive = linker(links, send.organisation_id, (message.occurrence_id, message.id))
            made = ready.email(one.language, data, dead if is_masked else alive)
            html = ready.email(one.language, data, dead).html
    except TemplateError:
        return None
    is_proved = not is_masked and kept.digest_of(made) == one.digest
    shown = Email("", "", made) if isinstance(made, str) else made
    return MessageText(one.language, one.to, one.sender, shown.subject, shown.text, html, is_masked, is_proved)
