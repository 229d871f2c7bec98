"""What a campaign's texts look like: for an example person in each language, and for a few real people of the audience, masked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import ndiff
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import NotFound, mark
from app.core.sql import load
from app.core.text import masked_name
from app.core.vault import Sealed
from app.domain.access.keyring import organisation_of, vault_of
from app.domain.campaigns import pinned
from app.domain.campaigns.drafts import SUBJECT
from app.domain.campaigns.models import Campaign
from app.domain.content import library, sms
from app.domain.content.models import Template, TemplateVersion
from app.domain.content.preview import data_for, example_url
from app.domain.content.render import TemplateError, prepared
from app.domain.messages import masked_recipients, sends
from app.domain.messages.rendering import data_of

_RECIPIENTS = load("messages/queries.sql")["recipients"]
MASK = "•••"


@dataclass(frozen=True)
class Text:
    """One text as somebody gets it. `who` is a masked person, empty for the example; `error` says why there is no text."""

    channel: str
    language: str
    subject: str = ""
    body: str = ""
    parts: int = 1
    units: int = 0
    encoding: str = ""
    who: str = ""
    address: str = ""
    error: TemplateError | None = None


def texts(session: Session, campaign: Campaign, *, by: Actor) -> list[Text]:
    """Every text of the campaign in every language of its template, for an example person. Raises Forbidden."""
    require(by, "campaigns:read")
    found = []
    for template, version in _texts(session, campaign):
        for language in sorted(version.texts, key=lambda name: name != version.fallback_language):
            data = _example(session, campaign, language)
            found.append(_rendered(template.channel, version, language, data, data))
    return found


def email(session: Session, campaign: Campaign, language: str, *, by: Actor) -> str:
    """The e-mail of a language as HTML, for an example person. Raises NotFound, Forbidden."""
    require(by, "campaigns:read")
    version = next((v for t, v in _texts(session, campaign) if t.channel == "email"), None)
    if version is None or language not in version.texts:
        raise NotFound(mark("There is no such text."))
    made = prepared(version, "email").email(language, _example(session, campaign, language), _dead_link)
    return str(made.html)


def samples(session: Session, campaign: Campaign, most: int = 5, *, by: Actor) -> list[Text]:
    """The texts of a few people of the audience, names and personal properties masked; parts are counted on the true text."""
    require(by, "campaigns:read")
    people = pinned.audience_of(session, pinned.kept(session, campaign)).limit(most).subquery()
    ids = list(session.execute(select(people.c[0])).scalars())
    rows = session.execute(_RECIPIENTS, {"contacts": ids}).mappings().all()
    masked = masked_recipients.of(session, ids)
    found = []
    for template, version in _texts(session, campaign):
        for row in rows:
            text = _sample(session, campaign, (template.channel, version), row)
            recipient = masked.get(row["id"])
            if text and recipient:
                found.append(replace(text, who=recipient.name, address=recipient.written_to.get(template.channel, "")))
    return found


def _sample(
    session: Session, campaign: Campaign, which: tuple[str, TemplateVersion], row: Mapping[Any, Any]
) -> Text | None:
    try:
        person = vault_of(session).open_person(row["id"], row["key"], row["person"])
    except Sealed:
        return None
    true, shown = (_data(session, campaign, row, known) for known in (person, _masked(person)))
    channel, version = which
    return _rendered(channel, version, prepared(version, channel).language_for(row["language"]), shown, true)


def _masked(person: Mapping[str, Any]) -> dict[str, Any]:
    """The person as anybody may see him; of a personal property not even the first letter: it may be all there is."""
    names = {name: masked_name(str(person.get(name) or "")) for name in ("first_name", "last_name")}
    return {**person, **names, "properties": dict.fromkeys(person.get("properties") or {}, MASK)}


def _rendered(
    channel: str, version: TemplateVersion, language: str, shown: dict[str, Any], true: dict[str, Any]
) -> Text:
    subject, body, broken = "", MASK, None
    try:
        subject, body = _said(channel, version, language, shown)
    except TemplateError as broke:  # perhaps only because it reckons with a personal property, which is masked here
        broken = broke
    try:
        _, whole = _said(channel, version, language, true)
    except TemplateError as broke:
        return Text(channel, language, error=broken or broke)
    if channel == "email":
        return Text(channel, language, subject=subject, body=body)
    measured = sms.measure(whole)
    return Text(channel, language, body=body, parts=measured.parts, units=measured.units, encoding=measured.encoding)


def _said(channel: str, version: TemplateVersion, language: str, data: dict[str, Any]) -> tuple[str, str]:
    """Subject and text, every link with where it leads in the end. Raises TemplateError."""
    ready = prepared(version, channel)
    if channel == "sms":
        return "", ready.sms(language, data)
    links = version.compiled.get(language, {}).get("links", [])

    def leads_to(kind: str, index: int = 0) -> str:
        return str(links[index]) if kind == "c" and index < len(links) else str(data["unsubscribe_url"])

    made = ready.email(language, data, leads_to)
    return made.subject, made.text


@dataclass(frozen=True)
class Rewritten:
    """A part of a text (subject, preheader or body) that reads differently than in an earlier request: the lines gone and new."""

    channel: str
    language: str
    part: str
    gone: str
    new: str


def rewritten(
    session: Session, campaign: Campaign, earlier: Mapping[str, Any], present: Mapping[str, Any]
) -> list[Rewritten]:
    """What changed in the texts between two requests, by their summaries; another template is another text."""
    before = {(one["channel"], one["template"]): one["template_version"] for one in earlier["channels"]}
    found = []
    for one in present["channels"]:
        old = before.get((one["channel"], one["template"]))
        template_id = campaign.sms_template_id if one["channel"] == "sms" else campaign.email_template_id
        if old is None or template_id is None or old == one["template_version"]:
            continue
        was, now = (
            library.version_numbered(session, template_id, number).texts for number in (old, one["template_version"])
        )
        found += [line for language in {**was, **now} for line in _compared(one["channel"], language, was, now)]
    return found


def _compared(channel: str, language: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Rewritten]:
    for part in ("subject", "preheader", "body"):
        old, new = (str(texts.get(language, {}).get(part) or "") for texts in (was, now))
        if old != new:
            lines = list(ndiff(old.splitlines(), new.splitlines()))
            gone, added = ("\n".join(line[2:] for line in lines if line.startswith(sign)) for sign in ("- ", "+ "))
            yield Rewritten(channel, language, part, gone, added)


def _example(session: Session, campaign: Campaign, language: str) -> dict[str, Any]:
    """Somebody who has everything a text may ask for."""
    return {**data_for(session, None, language), "campaign": {"name": campaign.name}}


def _data(session: Session, campaign: Campaign, row: Mapping[Any, Any], person: Mapping[str, Any]) -> dict[str, Any]:
    names = {"organisation": organisation_of(session).name, "source": campaign.name}
    return {**data_of(row, person, names), "unsubscribe_url": example_url(session)}


def _texts(session: Session, campaign: Campaign) -> list[tuple[Template, TemplateVersion]]:
    """The texts of the campaign, SMS first: as they were sent, as they were submitted, or as they are now."""
    asked = pinned.kept(session, campaign) if campaign.approval_id else None
    sent = {text.channel: text.version_id for text in asked.texts} if asked else {}
    if campaign.occurrence_id:
        sent |= {send.channel: send.template_version_id for send in sends.of_source(session, SUBJECT, campaign.id)}
    found = []
    for template_id in (campaign.sms_template_id, campaign.email_template_id):
        template = session.get(Template, template_id) if template_id else None
        if template:
            kept = sent.get(template.channel)
            found.append(
                (template, session.get_one(TemplateVersion, kept) if kept else library.current(session, template))
            )
    return found


def _dead_link(_kind: str, _index: int = 0) -> str:
    """A preview counts no opens and no clicks."""
    return "#"
