"""What is wrong with a text before customers see it: errors block a send, warnings do not."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import Invalid, mark
from app.domain.access.keyring import organisation_of
from app.domain.contacts.models import PropertyDefinition
from app.domain.content import marking, markup, sms
from app.domain.content.models import Template, TemplateVersion
from app.domain.content.reading import Reading, read

CONTACT_FIELDS = ("first_name", "last_name", "external_id", "language", "gender", "city", "country")
KNOWN = frozenset(
    {f"contact.{name}" for name in CONTACT_FIELDS} | {"organisation.name", "campaign.name", "unsubscribe_url"}
)
VALUES = "values."  # what a source gives to its messages
ALWAYS_FILLED = frozenset({"organisation.name", "campaign.name", "unsubscribe_url"})
LANGUAGES = ("en", "he")
PARTS = ("subject", "preheader", "body")
LARGEST = 102 * 1024  # Gmail cuts what is longer
MOST_PARTS = 2
_PIXEL = "\x02o0\x03"
_RUNNING = frozenset({"script", "iframe", "object", "embed", "form"})
_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_OUTPUT = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_REPLY = re.compile(
    r"\b(reply|text|send)\W{0,3}(with\W{1,3})?(stop|remove|unsubscribe)\b|השב\w?\W{0,3}(הסר|הסרה)", re.IGNORECASE
)
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


@dataclass(frozen=True)
class Setting:
    """What a text is checked against: the variables there are, the advertiser's name.

    `is_named` says that the senders of SMS name the advertiser; otherwise the text has to. `given` are the values that what sends
    the text gives to it; None while nobody knows what will send it.
    """

    known: frozenset[str]
    organisation: str
    is_named: bool = True
    given: frozenset[str] | None = None


def setting(session: Session, *, is_named: bool = True, given: frozenset[str] | None = None) -> Setting:
    """What the texts of this organisation are checked against."""
    return Setting(known_variables(session), organisation_of(session).name, is_named, given)


def check(
    session: Session,
    template: Template,
    version: TemplateVersion,
    *,
    is_named: bool = True,
    given: frozenset[str] | None = None,
) -> list[Finding]:
    """All findings of a version, errors first; with what its source gives to the text, if that is known (Setting)."""
    around = setting(session, is_named=is_named, given=given)
    found: list[Finding] = []
    for language, said in sorted(version.texts.items()):
        compiled = version.compiled.get(language, {})
        found += check_text(template.channel, template.message_class, language, said, compiled, around)
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
    around: Setting,
) -> list[Finding]:
    """All findings of one text, saved or not, errors first. Raises TemplateError when it does not parse."""
    readings = {part: read(str(said.get(part) or "")) for part in PARTS}
    found = [f for part, reading in readings.items() for f in _check_variables(part, reading, language, around)]
    if channel == "sms":
        found += _check_sms(str(said["body"]), language)
    else:
        found += _check_email(said, str(compiled.get("html", "")), language)
    if message_class in marking.MARKING:
        needs_name = channel == "email" or not around.is_named
        found += _check_marks(
            channel, language, marking.marks(channel, language, said, compiled, around.organisation), needs_name
        )
    return sorted(found, key=lambda f: f.level != "error")


def refuse_unknown(texts: Mapping[str, Mapping[str, Any]], known: frozenset[str]) -> None:
    """Let nobody save a text that asks for what is not known. Raises Invalid on the field, with line and the nearest name."""
    for language, said in texts.items():
        for part in PARTS:
            for name, line in read(str(said.get(part) or "")).variables.items():
                if name not in known and not name.startswith(VALUES):
                    raise _unknown(f"texts.{language}.{part}", name, line, known)


def _unknown(where: str, name: str, line: int, known: frozenset[str]) -> Invalid:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        message = mark("Line %(line)s: nothing is known by the name “%(name)s”. Did you mean “%(near)s”?")
        return Invalid.field(where, message, line=line, name=name, near=near[0])
    return Invalid.field(where, mark("Line %(line)s: nothing is known by the name “%(name)s”."), line=line, name=name)


def _check_variables(part: str, reading: Reading, language: str, around: Setting) -> Iterator[Finding]:
    known = around.known
    for name, line in sorted(reading.variables.items()):
        if name.startswith(VALUES) and around.given is None:
            message = mark("“%(name)s” is filled only where what sends this text gives it. A campaign gives no values.")
            yield Finding("warning", message, language, {"name": name}, line, part)
        elif name.startswith(VALUES) and name[len(VALUES) :] not in (around.given or ()):
            message = mark("What sends this text gives no value by the name “%(name)s”.")
            yield Finding("error", message, language, {"name": name}, line, part)
        elif name not in known and not name.startswith(VALUES):
            message = mark("Nothing is known by the name “%(name)s”.")
            yield Finding("error", message, language, {"name": name}, line, part)
    for name, line in sorted(reading.maybe_empty.items()):
        if name in known - ALWAYS_FILLED:
            message = mark("“%(name)s” may be empty for some people: give it a default.")
            yield Finding("warning", message, language, {"name": name}, line, part)


def _check_email(said: Mapping[str, Any], html: str, language: str) -> Iterator[Finding]:
    body = str(said["body"])
    if not str(said.get("subject") or "").strip():
        yield Finding("error", mark("The e-mail has no subject."), language, part="subject")
    if sign := _runs(body):
        message = mark("“%(sign)s” has no place in an e-mail: mail programs remove it or refuse the message.")
        yield Finding("error", message, language, {"sign": sign})
    if len(html.encode()) > LARGEST:
        yield Finding("warning", mark("The e-mail is larger than 102 KB: some mail programs will cut it."), language)
    tags = list(_tags(html))
    if any(name == "img" and said.get("src") != _PIXEL and "alt" not in said for name, said in tags):
        yield Finding("warning", mark("A picture has no alternative text."), language)
    if any(said.get("href", "").strip().lower().startswith("http://") for _, said in _tags(body)):
        yield Finding("warning", mark("A link begins with http://: use https://."), language)


def _tags(source: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Name and attributes of every start tag; a word stands where Liquid is, so that its quotes end no attribute."""
    plain = _LIQUID.sub("x", source)
    for piece in markup.pieces(plain):
        if piece.kind == "start":
            yield piece.name, markup.attributes(piece.of(plain))


def _runs(source: str) -> str:
    """The first thing in a text that would run in a browser; empty if there is none."""
    for name, said in _tags(source):
        if name in _RUNNING:
            return f"<{name}"
        if handler := next((one for one in said if one.startswith("on")), ""):
            return handler
        if any("".join(value.split()).lower().startswith("javascript:") for value in said.values()):
            return "javascript:"
    return ""


def _check_sms(body: str, language: str) -> Iterator[Finding]:
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


def _check_marks(channel: str, language: str, marks: marking.Marks, needs_name: bool) -> Iterator[Finding]:
    """Without its marks no advertisement goes out, and nobody can waive that."""
    if not marks.word:
        message = mark(
            "A marketing message says that it is one: write “%(word)s” where everybody reads it, outside of conditions."
        )
        yield Finding("error", message, language, {"word": marking.WORDS[language]})
    if needs_name and not marks.name:
        message = mark(
            "A marketing message names the advertiser: put {{ organisation.name }} into it, outside of conditions."
        )
        yield Finding("error", message, language)
    if not marks.refusal:
        message = (
            mark("A marketing SMS needs a way to refuse: put {{ unsubscribe_url }} into it, outside of conditions.")
            if channel == "sms"
            else mark(
                "A marketing e-mail needs a way to unsubscribe: a link to {{ unsubscribe_url }}, outside of conditions."
            )
        )
        yield Finding("error", message, language)
