"""What a text looks like for one person, saved or still being written."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import thread_time
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.links import Links
from app.core.text import MASK
from app.core.unit import settings_of
from app.domain.access.keyring import organisation_of
from app.domain.contacts import profile
from app.domain.contacts.models import Contact, PropertyDefinition
from app.domain.contacts.person import masked, person_of
from app.domain.content import checks, sms
from app.domain.content.budget import Budget
from app.domain.content.compile import compile_email
from app.domain.content.render import LONGEST_SMS, TemplateError, Text
from app.domain.content.sandbox import TooSlow

SLOW_SECONDS = 0.2  # of the processor; reading and compiling the text included
SAMPLE = {"external_id": "1000001", "country": "IL", "gender": "female"}
NAMES = {"en": ("Dana", "Levi", "Haifa"), "he": ("דנה", "לוי", "חיפה")}
BY_TYPE: dict[str, object] = {"number": 1000, "boolean": True, "date": "2026-01-31", "list": []}


@dataclass(frozen=True)
class Preview:
    """A text for one person. `measure` is for SMS; `html` is for e-mail; `body` is the SMS or the plain-text part."""

    subject: str
    body: str
    html: str = ""
    measure: sms.Measure | None = None
    findings: list[checks.Finding] = field(default_factory=list)


def example_url(session: Session) -> str:
    """Where an example would unsubscribe: nowhere, but as long as a true link of an SMS, so that its parts are right."""
    return Links(settings_of(session)).example()


def data_for(
    session: Session, contact: Contact | None, language: str = "en", *, revealed_to: Actor | None = None
) -> dict[str, Any]:
    """The data a text sees of a contact, or of a made-up person; a contact is masked as on his own page.

    With `revealed_to` he is in clear, and the look is in the audit log. Raises Forbidden.
    """
    names: dict[str, Any] = {"organisation": {"name": organisation_of(session).name}, "campaign": {"name": "…"}}
    names["unsubscribe_url"] = example_url(session)
    if contact is None:
        return {"contact": _sample(session, language), **names}
    known = profile.reveal(session, contact.id, by=revealed_to) if revealed_to else masked(person_of(session, contact))
    said = {name: getattr(contact, name) or "" for name in ("external_id", "language", "gender", "city", "country")}
    return {
        "contact": {
            **said,
            "first_name": known.first_name or "",
            "last_name": known.last_name or "",
            "properties": {**contact.properties, **known.properties},
        },
        **names,
    }


def _sample(session: Session, language: str) -> dict[str, Any]:
    """Somebody who has everything a text may ask for."""
    first, last, city = NAMES.get(language, NAMES["en"])
    definitions = session.execute(select(PropertyDefinition)).scalars()
    properties = {definition.key: BY_TYPE.get(definition.type, definition.label) for definition in definitions}
    own = {"first_name": first, "last_name": last, "city": city, "language": language}
    return {**SAMPLE, **own, "properties": properties}


def someone(session: Session, external_id: str = "", contact_id: UUID | None = None) -> Contact | None:
    """The contact to preview as: the one asked for by id or by number, else the first."""
    query = select(Contact).where(Contact.deleted_at.is_(None), Contact.status != "erased")
    if contact_id:
        query = query.where(Contact.id == contact_id)
    elif external_id:
        query = query.where(Contact.external_id == external_id)
    else:
        query = query.order_by(Contact.id)
    return session.execute(query.limit(1)).scalar_one_or_none()


def refuse_slow(session: Session, channel: str, message_class: str, texts: Mapping[str, Mapping[str, str]]) -> None:
    """Make every text once for a made-up person. Raises TooSlow; what else is wrong with a text others say."""
    for language, said in texts.items():
        try:
            preview(channel, message_class, said, data_for(session, None, language), language=language)
        except TooSlow:
            raise
        except TemplateError:
            continue


def preview(
    channel: str,
    message_class: str,
    said: Mapping[str, str],
    data: Mapping[str, Any],
    *,
    language: str = "en",
    around: checks.Setting | None = None,
) -> Preview:
    """Render a text that may not be saved yet; with its findings if there is something to check it against.

    What seems slow is made once more before it is called so: the first text of a process reads the words of its language.

    Raises TemplateError with the line and the reason, TooSlow.
    """
    for _ in range(2):
        began = thread_time()
        with suppress(TooSlow):
            made = _made(channel, message_class, said, data, language, around)
            if thread_time() - began <= SLOW_SECONDS:
                return made
    raise TooSlow


def _made(
    channel: str,
    message_class: str,
    said: Mapping[str, str],
    data: Mapping[str, Any],
    language: str,
    around: checks.Setting | None,
) -> Preview:
    compiled: dict[str, Any] = {}
    if channel != "sms":
        preheader = str(said.get("preheader") or "")
        compiled = compile_email(str(said["body"]), message_class, preheader=preheader, language=language)
    found = [] if around is None else checks.check_text(channel, message_class, language, said, compiled, around)
    if channel == "sms":
        plainly = {**data, "contact": _plain(data.get("contact") or {})}
        text = Text(said["body"], language=language).render(plainly, budget=Budget(LONGEST_SMS)).strip()
        # The signs of a mask cost nothing: they are not sent.
        sent = text if MASK in str(said["body"]) else text.replace(MASK, "x")
        return Preview("", text, measure=sms.measure(sent), findings=found)

    def shown(kind: str, number: int) -> str:
        return str(compiled["links"][number]) if kind == "c" else ""

    budget = Budget()
    subject = Text(str(said.get("subject") or ""), language=language).render(data, budget=budget)
    html = Text(compiled["html"], language=language, html=True).render(data, shown, budget)
    body = Text(compiled["text"], language=language).render(data, shown, budget)
    return Preview(" ".join(subject.split()), body, html=html, findings=found)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) if isinstance(value, Mapping) else sms.plain(value) for name, value in values.items()}
