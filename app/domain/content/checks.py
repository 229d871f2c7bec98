"""What is wrong with a text before customers see it: errors block a send, warnings do not (C2, C4, C8)."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Invalid, mark
from app.domain.contacts.models import PropertyDefinition
from app.domain.content import sms
from app.domain.content.models import Template, TemplateVersion
from app.domain.content.reading import Reading, read

CONTACT_FIELDS = ("first_name", "last_name", "external_id", "language", "gender", "city", "country")
KNOWN = frozenset(
    {f"contact.{name}" for name in CONTACT_FIELDS} | {"organisation.name", "campaign.name", "unsubscribe_url"}
)
ALWAYS_FILLED = frozenset({"organisation.name", "campaign.name", "unsubscribe_url"})
LANGUAGES = ("en", "he")
PARTS = ("subject", "preheader", "body")
LARGEST = 102 * 1024  # Gmail cuts what is longer
MOST_PARTS = 2
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"\balt\s*=", re.IGNORECASE)
_PIXEL = "\x02o0\x03"
_RUNS = re.compile(r"<\s*(script|iframe|object|embed|form)\b|\bon[a-z]{3,}\s*=\s*[\"']|javascript:", re.IGNORECASE)
_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_REPLY = re.compile(
    r"\b(reply|text|send)\W{0,3}(with\W{1,3})?(stop|remove|unsubscribe)\b|השב\w?\W{0,3}(הסר|הסרה)", re.IGNORECASE
)
_STATED = {"en": re.compile(r"\b(advert|ad\b|promotion)", re.IGNORECASE), "he": re.compile("פרסומ")}
_STAND_IN = "x" * 10  # about as long as a name


@dataclass(frozen=True)
class Finding:
    """One thing: `level` is error or warning, `message` a message id with `values`, in the text of `language`.

    `line` counts in the body, the subject or the preheader (`part`), where it is known.
    """

    level: str
    message: str
    language: str
    values: dict[str, Any] = field(default_factory=dict)
    line: int | None = None
    part: str = "body"


def known_variables(session: Session) -> frozenset[str]:
    """Every variable a text may use: contact fields, the organisation's own properties, names."""
    keys = session.execute(select(PropertyDefinition.key)).scalars()
    return KNOWN | {f"contact.properties.{key}" for key in keys}


def check(session: Session, template: Template, version: TemplateVersion) -> list[Finding]:
    """All findings of a version, errors first."""
    known = known_variables(session)
    found: list[Finding] = []
    for language, said in sorted(version.texts.items()):
        compiled = version.compiled.get(language, {})
        found += check_text(template.channel, template.message_class, language, said, compiled, known)
    found += [
        Finding("warning", mark("There is no text in this language: these people get the fallback."), language)
        for language in LANGUAGES
        if language not in version.texts
    ]
    return sorted(found, key=lambda f: f.level != "error")


def check_text(
    channel: str,
    message_class: str,
    language: str,
    said: Mapping[str, Any],
    compiled: Mapping[str, Any],
    known: frozenset[str],
) -> list[Finding]:
    """All findings of one text, saved or not, errors first. Raises TemplateError when it does not parse."""
    readings = {part: read(str(said.get(part) or "")) for part in PARTS}
    found = [f for part, reading in readings.items() for f in _check_variables(part, reading, language, known)]
    used = {name for reading in readings.values() for name in reading.variables}
    if channel == "sms":
        found += _check_sms(str(said["body"]), message_class, language, used)
    else:
        found += _check_email(said, str(compiled.get("html", "")), message_class, language, used)
    return sorted(found, key=lambda f: f.level != "error")


def refuse_unknown(texts: Mapping[str, Mapping[str, Any]], known: frozenset[str]) -> None:
    """Let nobody save a text that asks for what is not known. Raises Invalid on the field, with line and the nearest name."""
    for language, said in texts.items():
        for part in PARTS:
            for name, line in read(str(said.get(part) or "")).variables.items():
                if name not in known:
                    raise _unknown(f"texts.{language}.{part}", name, line, known)


def _unknown(where: str, name: str, line: int, known: frozenset[str]) -> Invalid:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        message = mark("Line %(line)s: nothing is known by the name “%(name)s”. Did you mean “%(near)s”?")
        return Invalid.field(where, message, line=line, name=name, near=near[0])
    return Invalid.field(where, mark("Line %(line)s: nothing is known by the name “%(name)s”."), line=line, name=name)


def _check_variables(part: str, reading: Reading, language: str, known: frozenset[str]) -> Iterator[Finding]:
    for name, line in sorted(reading.variables.items()):
        if name not in known:
            message = mark("Nothing is known by the name “%(name)s”.")
            yield Finding("error", message, language, {"name": name}, line, part)
    for name, line in sorted(reading.maybe_empty.items()):
        if name in known - ALWAYS_FILLED:
            message = mark("“%(name)s” may be empty for some people: give it a default.")
            yield Finding("warning", message, language, {"name": name}, line, part)


def _check_email(
    said: Mapping[str, Any], html: str, message_class: str, language: str, used: set[str]
) -> Iterator[Finding]:
    body = str(said["body"])
    if not str(said.get("subject") or "").strip():
        yield Finding("error", mark("The e-mail has no subject."), language, part="subject")
    if message_class == "marketing":
        if "unsubscribe_url" not in used:
            message = mark("A marketing e-mail needs a way to unsubscribe: put {{ unsubscribe_url }} into a link.")
            yield Finding("error", message, language)
        yield from _check_stated(f"{said.get('subject') or ''}\n{body}", language)
    if runs := _RUNS.search(_LIQUID.sub("", body)):
        message = mark("“%(sign)s” has no place in an e-mail: mail programs remove it or refuse the message.")
        yield Finding("error", message, language, {"sign": runs.group().strip()})
    if len(html.encode()) > LARGEST:
        yield Finding("warning", mark("The e-mail is larger than 102 KB: some mail programs will cut it."), language)
    pictures = [picture for picture in _IMAGE.findall(html) if _PIXEL not in picture]
    if any(not _ALT.search(picture) for picture in pictures):
        yield Finding("warning", mark("A picture has no alternative text."), language)
    if re.search(r"""href\s*=\s*["']http://""", body, re.IGNORECASE):
        yield Finding("warning", mark("A link begins with http://: use https://."), language)


def _check_sms(body: str, message_class: str, language: str, used: set[str]) -> Iterator[Finding]:
    measured = sms.measure(_LIQUID.sub("", _OUTPUT.sub(_STAND_IN, body)).strip())
    if measured.parts > MOST_PARTS:
        message = mark("The text takes about %(parts)s SMS parts: each part costs.")
        yield Finding("warning", message, language, {"parts": measured.parts})
    if measured.encoding != "GSM-7" and language == "en":
        message = mark("“%(signs)s” make the text Unicode: it takes more than twice as many parts.")
        yield Finding("warning", message, language, {"signs": measured.forcing})
    if reply := _REPLY.search(body):
        message = mark("“%(words)s” works only if the sender can receive: a sender name cannot.")
        yield Finding("warning", message, language, {"words": reply.group()})
    if message_class == "marketing":
        if "unsubscribe_url" not in used:
            message = mark("A marketing SMS needs a way to refuse: put {{ unsubscribe_url }} into it.")
            yield Finding("warning", message, language)
        yield from _check_stated(body, language)


def _check_stated(text: str, language: str) -> Iterator[Finding]:
    if not _STATED[language].search(text):
        yield Finding("warning", mark("A marketing message says that it is an advertisement."), language)
