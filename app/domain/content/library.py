"""The template library: every new text is a version; old ones can be looked at and brought back."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Invalid, NotFound, Stale, Together, mark
from app.core.page import Ask, Page, fetch
from app.domain.audit import trail
from app.domain.content import checks, preview
from app.domain.content.compile import compile_email
from app.domain.content.models import Template, TemplateVersion
from app.domain.content.sandbox import LONGEST_TEXT, TemplateError, parse
from app.domain.links import used_by

LANGUAGES = ("en", "he")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
SUBJECT = "template"


class Said(BaseModel):
    """A text in one language; an SMS has a body only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = Field(default="", max_length=300)
    preheader: str = Field(default="", max_length=300)
    body: str = Field(default="", max_length=LONGEST_TEXT)

    @field_validator("subject", "preheader", "body")
    @classmethod
    def _clean(cls, said: str) -> str:
        """Browsers send CRLF, which would cost a unit a line in an SMS; other control characters have no business here."""
        return _CONTROL.sub("", said.replace("\r\n", "\n").replace("\r", "\n"))


class TemplateInput(BaseModel):
    """A template as a person writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=120)
    channel: Literal["sms", "email"]
    message_class: Literal["service", "marketing"] = "marketing"
    category: str | None = Field(default=None, max_length=60)
    fallback_language: Literal["en", "he"] = "en"
    texts: dict[Literal["en", "he"], Said]

    @model_validator(mode="after")
    def _has_a_fallback(self) -> "TemplateInput":
        said = self.texts.get(self.fallback_language)
        if said is None or not said.body.strip():
            raise ValueError(
                "Write the text in the fallback language: it is sent to everybody without one of their own."
            )
        return self


def create(session: Session, new: TemplateInput, *, by: Actor) -> Template:
    """Make a template and its first version. Raises Invalid (a text does not parse), Forbidden."""
    require(by, "templates:write")
    template = Template(
        organisation_id=by.organisation_id,
        name=new.name,
        channel=new.channel,
        message_class=new.message_class,
        category=new.category or None,
        version=0,
        created_by=by.id,
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    session.add(template)
    session.flush()
    _new_version(session, template, new.texts, new.fallback_language, by)
    trail.record(
        session, by, "template.created", (SUBJECT, template.id), after={"name": new.name, "channel": new.channel}
    )
    return template


def update(
    session: Session, template_id: UUID, new: TemplateInput, *, version: int | None = None, by: Actor
) -> Template:
    """Save a change: the version goes up if anything is different, and a new text is kept under its number.

    Raises:
        NotFound, Invalid (a text does not parse, another channel), Stale (somebody saved since `version`).
    """
    require(by, "templates:write")
    template = one_for_update(session, template_id)
    if version is not None and version != template.version:
        raise Stale(mark("Somebody else saved this template while you were editing. Reload it to see the changes."))
    if new.channel != template.channel:
        raise Invalid.field("channel", mark("The channel of a template does not change. Make a new one."))
    before = _described(template)
    reclassified = template.message_class != new.message_class
    template.name, template.message_class, template.category = new.name, new.message_class, new.category or None
    present = current(session, template)
    if reclassified or present.texts != _plain(new.texts) or present.fallback_language != new.fallback_language:
        _new_version(session, template, new.texts, new.fallback_language, by)
    elif _described(template) != before:
        template.version += 1  # the text stays what was approved; who has the old name before him is told
    after = _described(template)
    if after != before:
        template.updated_at = clock.now()
        trail.record(session, by, "template.changed", (SUBJECT, template.id), before=before, after=after)
    return template


def _described(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "class": template.message_class,
        "category": template.category,
        "version": template.version,
    }


def _plain(texts: Mapping[Any, Said]) -> dict[str, Any]:
    return {str(language): said.model_dump() for language, said in texts.items() if said.body.strip()}


def _new_version(session: Session, template: Template, texts: Mapping[Any, Said], fallback: str, by: Actor) -> None:
    said = _plain(texts)
    compiled = compile_texts(session, template.channel, template.message_class, texts)
    with _naming(f"texts.{fallback}.body"):
        preview.refuse_slow(session, template.channel, template.message_class, said)
    template.version += 1
    version = TemplateVersion(
        organisation_id=template.organisation_id,
        template_id=template.id,
        number=template.version,
        texts=said,
        compiled=compiled,
        fallback_language=fallback,
        created_by=by.id,
        created_at=clock.now(),
    )
    session.add(version)
    session.flush()
    template.current_id = version.id


def compile_texts(session: Session, channel: str, message_class: str, texts: Mapping[Any, Said]) -> dict[str, Any]:
    """What is made once of e-mails, by language. Raises Invalid: all that is wrong with the texts, each on its field."""
    compiled, found, known = {}, Together(), checks.known_variables(session)
    for language, one in _plain(texts).items():
        before = len(found.issues)
        for name in ("subject", "preheader", "body"):
            with found, _naming(f"texts.{language}.{name}"):
                parse(one[name], language=language)
        if channel == "email" and f"texts.{language}.body" not in {issue.field for issue in found.issues}:
            with found, _naming(f"texts.{language}.body"):
                compiled[language] = compile_email(
                    one["body"], message_class, preheader=one["preheader"], language=language
                )
        if len(found.issues) == before:
            with found:
                checks.refuse_unknown({language: one}, known)
    found.stop()
    return compiled


class _naming:  # noqa: N801 - reads as a verb in the with statement
    """Say which field an error of a text belongs to."""

    def __init__(self, field: str) -> None:
        self._field = field

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, TemplateError):
            raise Invalid.field(self._field, error.message, **error.values) from None


def get(session: Session, template_id: UUID, *, by: Actor) -> Template:
    """One template. Raises NotFound."""
    require(by, "templates:read")
    return rows.one(session, Template, template_id, mark("There is no such template."))


def possible(template: Template, *, by: Actor) -> frozenset[str]:
    """What this actor can do with a template now."""
    if template.archived_at or not by.may("templates:write"):
        return frozenset()
    return frozenset({"edit", "test", "duplicate", "restore", "archive"})


def one_for_update(session: Session, template_id: UUID) -> Template:
    """One template as it is now, locked. Raises NotFound."""
    return rows.one_for_update(
        session, Template, template_id, mark("There is no such template."), Template.archived_at.is_(None)
    )


def current(session: Session, template: Template) -> TemplateVersion:
    """The newest version of a template."""
    return session.get_one(TemplateVersion, template.current_id)


def content_of(version: TemplateVersion, channel: str, message_class: str) -> dict[str, object]:
    """Everything a version says, for a digest: the same text saved again says the same."""
    return {"class": message_class, "channel": channel, "texts": version.texts, "fallback": version.fallback_language}


def authors(session: Session, template_ids: Iterable[UUID]) -> set[UUID]:
    """Everybody who wrote or changed one of these templates."""
    wrote = select(TemplateVersion.created_by).where(
        TemplateVersion.template_id.in_(ids := list(template_ids)), TemplateVersion.created_by.is_not(None)
    )
    by_name = trail.actors(session, [(SUBJECT, i) for i in ids], trail.WROTE)
    return {*session.execute(wrote.distinct()).scalars(), *by_name}


def versions(session: Session, template_id: UUID) -> list[TemplateVersion]:
    """All versions, newest first."""
    query = (
        select(TemplateVersion)
        .where(TemplateVersion.template_id == template_id)
        .order_by(TemplateVersion.number.desc())
    )
    return list(session.execute(query).scalars())


def version_numbered(session: Session, template_id: UUID, number: int) -> TemplateVersion:
    """One version by its number. Raises NotFound."""
    query = select(TemplateVersion).where(TemplateVersion.template_id == template_id, TemplateVersion.number == number)
    version = session.execute(query).scalar_one_or_none()
    if version is None:
        raise NotFound(mark("There is no such version."))
    return version


def restore(session: Session, template_id: UUID, number: int, *, by: Actor) -> Template:
    """Bring an old version back, as a new one."""
    require(by, "templates:write")
    template = one_for_update(session, template_id)
    old = version_numbered(session, template_id, number)
    texts = {language: Said.model_validate(said) for language, said in old.texts.items()}
    _new_version(session, template, texts, old.fallback_language, by)
    trail.record(
        session, by, "template.restored", (SUBJECT, template.id), after={"from": number, "version": template.version}
    )
    return template


def duplicate(session: Session, template_id: UUID, *, by: Actor) -> Template:
    """A new template with the same texts."""
    old = get(session, template_id, by=by)
    return create(session, as_input(session, old).model_copy(update={"name": f"{old.name} (2)"[:120]}), by=by)


def as_input(session: Session, template: Template) -> TemplateInput:
    """A template as its own input, for forms and PATCH."""
    version = current(session, template)
    return TemplateInput(
        name=template.name,
        channel=template.channel,
        message_class=template.message_class,
        category=template.category,
        fallback_language=version.fallback_language,
        texts=version.texts,
    )


def archive(session: Session, template_id: UUID, *, by: Actor) -> None:
    """Put a template away. Raises Conflict while something uses it."""
    require(by, "templates:write")
    template = one_for_update(session, template_id)
    used_by.refuse_while_used(session, SUBJECT, template.id)
    template.archived_at = clock.now()
    trail.record(session, by, "template.archived", (SUBJECT, template.id))


def languages(session: Session, templates: Iterable[Template]) -> dict[UUID, list[str]]:
    """In which languages each template has a text now."""
    ids = [template.current_id for template in templates]
    named = func.jsonb_object_keys(TemplateVersion.texts)
    query = select(TemplateVersion.template_id, named).where(TemplateVersion.id.in_(ids)).order_by(named)
    found: dict[UUID, list[str]] = {}
    for template_id, language in session.execute(query):
        found.setdefault(template_id, []).append(language)
    return found


def currents(session: Session, templates: Iterable[Template]) -> dict[UUID, TemplateVersion]:
    """The newest version of each template."""
    ids = [template.current_id for template in templates]
    found = session.execute(select(TemplateVersion).where(TemplateVersion.id.in_(ids))).scalars()
    return {version.template_id: version for version in found}


def listed(
    session: Session, ask: Ask, *, by: Actor, channel: str = "", message_class: str = "", text: str = ""
) -> Page[Template]:
    """A page of templates, newest first."""
    require(by, "templates:read")
    query = select(Template).where(Template.archived_at.is_(None))
    if channel:
        query = query.where(Template.channel == channel)
    if message_class:
        query = query.where(Template.message_class == message_class)
    if text:
        query = query.where(Template.name.icontains(text, autoescape=True))
    return fetch(session, query, [Template.__table__.c.id], ask, descending=True)
