"""What a text looks like for one person, saved or still being written (C3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.access.keyring import organisation_of, vault_of
from app.domain.contacts.models import Contact
from app.domain.content import sms
from app.domain.content.compile import compile_email
from app.domain.content.render import LINK, filled, parse

SAMPLE = {
    "first_name": "Dana",
    "last_name": "Levi",
    "city": "Tel Aviv",
    "country": "IL",
    "language": "en",
    "gender": "female",
}
EXAMPLE_URL = "https://bank.example/u/example"


@dataclass(frozen=True)
class Preview:
    """A text for one person. `measure` is for SMS; `html` and `text` are for e-mail."""

    subject: str
    body: str
    html: str = ""
    measure: sms.Measure | None = None


def data_for(session: Session, contact: Contact | None, campaign_name: str = "") -> dict[str, Any]:
    """The data a text sees of a contact, or of a made-up person."""
    names = {"organisation": {"name": organisation_of(session).name}, "campaign": {"name": campaign_name}}
    if contact is None:
        return {"contact": {**SAMPLE, "external_id": "1", "properties": {}}, **names}
    person = vault_of(session).open_person(contact.id, contact.key, contact.person)
    plain = ("external_id", "language", "gender", "city", "country")
    said = {name: getattr(contact, name) or "" for name in plain} | {
        name: person.get(name) or "" for name in ("first_name", "last_name")
    }
    hidden = person.get("properties")
    return {
        "contact": {**said, "properties": {**contact.properties, **(hidden if isinstance(hidden, dict) else {})}},
        **names,
    }


def someone(session: Session, external_id: str = "") -> Contact | None:
    """The contact to preview as: the one asked for by number, else any."""
    query = select(Contact).where(Contact.deleted_at.is_(None))
    query = query.where(Contact.external_id == external_id) if external_id else query.order_by(Contact.id)
    return session.execute(query.limit(1)).scalar_one_or_none()


def preview(channel: str, message_class: str, said: Mapping[str, str], data: Mapping[str, Any]) -> Preview:
    """Render a text that may not be saved yet. Raises TemplateError with the line and the reason."""
    everything = {**data, "unsubscribe_url": EXAMPLE_URL}
    body = said.get("body", "")
    if channel == "sms":
        text = filled(parse(body), everything).strip()
        return Preview("", text, measure=sms.measure(text))
    compiled = compile_email(body, message_class)

    def shown(found: Any) -> str:
        return str(compiled["links"][int(found.group(2))]) if found.group(1) == "c" else ""

    html = LINK.sub(shown, filled(parse(compiled["html"], html=True), everything))
    subject = " ".join(filled(parse(said.get("subject", "")), everything).split())
    return Preview(subject, LINK.sub(shown, filled(parse(compiled["text"]), everything)), html=html)
