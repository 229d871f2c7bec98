"""What is wrong with a text before customers see it: errors block a send, warnings do not (C4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import mark
from app.domain.contacts.models import PropertyDefinition
from app.domain.content import sms
from app.domain.content.models import Template, TemplateVersion
from app.domain.content.render import variables, without_default

CONTACT_FIELDS = ("first_name", "last_name", "external_id", "language", "gender", "city", "country")
KNOWN = frozenset(
    {f"contact.{name}" for name in CONTACT_FIELDS} | {"organisation.name", "campaign.name", "unsubscribe_url"}
)
ALWAYS_FILLED = frozenset({"organisation.name", "campaign.name", "unsubscribe_url"})
LARGEST = 102 * 1024  # Gmail cuts what is longer
MOST_PARTS = 2
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One thing: `level` is error or warning, `message` a message id with `values`, in the text of `language`."""

    level: str
    message: str
    language: str
    values: dict[str, Any] = field(default_factory=dict)


def known_variables(session: Session) -> frozenset[str]:
    """Every variable a text may use: contact fields, the organisation's own properties, names."""
    keys = session.execute(select(PropertyDefinition.key)).scalars()
    return KNOWN | {f"contact.properties.{key}" for key in keys}


def check(session: Session, template: Template, version: TemplateVersion) -> list[Finding]:
    """All findings of a version, errors first."""
    known = known_variables(session)
    found = [
        finding
        for language, said in sorted(version.texts.items())
        for finding in _check_one(template, language, said, version.compiled.get(language, {}), known)
    ]
    found += [
        Finding("warning", mark("There is no text in this language: these people get the fallback."), language)
        for language in ("en", "he")
        if language not in version.texts
    ]
    return sorted(found, key=lambda f: f.level != "error")


def _check_one(
    template: Template, language: str, said: dict[str, Any], compiled: dict[str, Any], known: frozenset[str]
) -> Iterator[Finding]:
    whole = f"{said.get('subject', '')}\n{said.get('preheader', '')}\n{said['body']}"
    used = variables(whole)
    for name in sorted(used - known):
        yield Finding("error", mark("Nothing is known by the name “%(name)s”."), language, {"name": name})
    for name in sorted((without_default(whole) & known) - ALWAYS_FILLED):
        message = mark("“%(name)s” may be empty for some people: give it a default.")
        yield Finding("warning", message, language, {"name": name})
    if template.channel == "sms":
        yield from _check_sms(language, said["body"])
        return
    if not str(said.get("subject", "")).strip():
        yield Finding("error", mark("The e-mail has no subject."), language)
    if template.message_class == "marketing" and "unsubscribe_url" not in used:
        message = mark("A marketing e-mail needs a way to unsubscribe: put {{ unsubscribe_url }} into a link.")
        yield Finding("error", message, language)
    html = compiled.get("html", "")
    if len(html.encode()) > LARGEST:
        yield Finding("warning", mark("The e-mail is larger than 102 KB: some mail programs will cut it."), language)
    if any("alt=" not in image.lower() for image in _IMAGE.findall(html)):
        yield Finding("warning", mark("A picture has no alternative text."), language)


def _check_sms(language: str, body: str) -> Iterator[Finding]:
    parts = sms.measure(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", body, flags=re.DOTALL)).parts
    if parts > MOST_PARTS:
        message = mark("The text takes %(parts)s SMS parts without the names: each part costs.")
        yield Finding("warning", message, language, {"parts": parts})
