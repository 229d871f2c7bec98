"""/templates: texts and their versions, previews, checks."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.core.db import db
from app.core.errors import Invalid, Issue, mark
from app.domain.content import checks, differences, library, preview
from app.domain.content.library import TemplateInput
from app.domain.content.models import Template, TemplateVersion
from app.http.auth import allow
from app.http.errors import said
from app.http.inputs import Strict
from app.http.sizes import TEXT, takes

bp = Blueprint("templates_api", __name__, url_prefix="/templates")


class As(Strict):
    """Whom to preview as: a contact's id, or a customer number, or anybody; in which language.

    Masked unless `reveal` is asked for: then the look is logged.
    """

    contact: UUID | None = None
    external_id: str = ""
    reveal: bool = False
    language: str = Field(default="en", pattern="^(en|he)$")


def serialize(template: Template, version: TemplateVersion) -> dict[str, Any]:
    """A template with its present texts."""
    return {
        "id": template.id,
        "name": template.name,
        "channel": template.channel,
        "message_class": template.message_class,
        "category": template.category,
        "fallback_language": version.fallback_language,
        "texts": version.texts,
        "version": template.version,
        "created_at": template.created_at,
        "updated_at": template.updated_at,
    }


def _version(version: TemplateVersion) -> dict[str, Any]:
    return {
        name: getattr(version, name) for name in ("number", "texts", "fallback_language", "created_by", "created_at")
    }


def _one(template: Template, status: int = 200) -> ResponseReturnValue:
    location = f"/api/v1/templates/{template.id}" if status == 201 else None
    present = library.current(db.session(), template)
    out = {**serialize(template, present), "actions": sorted(library.possible(template, by=g.actor))}
    return envelope.ok(out, status, location=location, version=template.version)


@bp.get("")
@allow("templates:read")
@envelope.asks("channel", "message_class", "q", paged=True)
def index() -> ResponseReturnValue:
    """List templates; filters `channel`, `message_class` and `q`."""
    wanted = {name: request.args.get(name, "") for name in ("channel", "message_class")}
    page = library.listed(db.session(), envelope.ask(), by=g.actor, text=request.args.get("q", ""), **wanted)
    present = library.currents(db.session(), page.items)
    return envelope.listed(page, lambda template: serialize(template, present[template.id]))


@bp.post("")
@envelope.once("templates:write")
@takes(TEXT)
def create() -> ResponseReturnValue:
    """Make a template."""
    return _one(library.create(db.session(), envelope.body(TemplateInput), by=g.actor), 201)


@bp.get("/<uuid:template_id>")
@allow("templates:read")
def show(template_id: UUID) -> ResponseReturnValue:
    """One template."""
    return _one(library.get(db.session(), template_id, by=g.actor))


@bp.patch("/<uuid:template_id>")
@allow("templates:write")
@takes(TEXT)
def change(template_id: UUID) -> ResponseReturnValue:
    """Save a change as a new version."""
    template = library.one_for_update(db.session(), template_id)
    present = library.as_input(db.session(), template).model_dump()
    new = envelope.patched(TemplateInput, present)
    return _one(library.update(db.session(), template_id, new, version=envelope.version_asked(), by=g.actor))


@bp.delete("/<uuid:template_id>")
@allow("templates:write")
def archive(template_id: UUID) -> ResponseReturnValue:
    """Put a template away."""
    library.archive(db.session(), template_id, by=g.actor)
    return envelope.nothing()


@bp.get("/<uuid:template_id>/versions")
@allow("templates:read")
def versions(template_id: UUID) -> ResponseReturnValue:
    """All versions, newest first."""
    library.get(db.session(), template_id, by=g.actor)
    return envelope.all_of(library.versions(db.session(), template_id), _version)


@bp.get("/<uuid:template_id>/versions/<int:number>")
@allow("templates:read")
def version(template_id: UUID, number: int) -> ResponseReturnValue:
    """One version by its number."""
    library.get(db.session(), template_id, by=g.actor)
    return envelope.ok(_version(library.version_numbered(db.session(), template_id, number)))


@bp.get("/<uuid:template_id>/versions/<int:number>/differences")
@allow("templates:read")
def compare(template_id: UUID, number: int) -> ResponseReturnValue:
    """What the present version says differently from an old one, language by language and part by part."""
    session = db.session()
    template = library.get(session, template_id, by=g.actor)
    old, new = library.version_numbered(session, template_id, number), library.current(session, template)
    return envelope.ok([asdict(one) for one in differences.between(old.texts, new.texts)])


@bp.post("/<uuid:template_id>/versions/<int:number>/restore")
@envelope.once("templates:write")
def restore(template_id: UUID, number: int) -> ResponseReturnValue:
    """Bring an old version back, as a new one."""
    return _one(library.restore(db.session(), template_id, number, by=g.actor))


@bp.post("/<uuid:template_id>/duplicate")
@envelope.once("templates:write")
def duplicate(template_id: UUID) -> ResponseReturnValue:
    """A copy to change."""
    return _one(library.duplicate(db.session(), template_id, by=g.actor), 201)


@bp.post("/<uuid:template_id>/preview")
@envelope.once("templates:write")
def look(template_id: UUID) -> ResponseReturnValue:
    """The text as one person gets it."""
    wanted = envelope.body(As)
    template = library.get(db.session(), template_id, by=g.actor)
    present = library.current(db.session(), template)
    language = wanted.language if wanted.language in present.texts else present.fallback_language
    person = preview.someone(db.session(), wanted.external_id, wanted.contact)
    if person is None and (wanted.contact or wanted.external_id):
        field = "contact" if wanted.contact else "external_id"
        raise Invalid.field(field, mark("There is no such contact."))
    data = preview.data_for(db.session(), person, language, revealed_to=g.actor if wanted.reveal else None)
    around = checks.setting(db.session())
    made = preview.preview(
        template.channel, template.message_class, present.texts[language], data, language=language, around=around
    )
    return envelope.ok({**asdict(made), "language": language, "findings": [_finding(one) for one in made.findings]})


@bp.post("/<uuid:template_id>/check")
@envelope.once("templates:read")
def check(template_id: UUID) -> ResponseReturnValue:
    """What is wrong with the text; errors block a send."""
    template = library.get(db.session(), template_id, by=g.actor)
    found = checks.check(db.session(), template, library.current(db.session(), template))
    return envelope.ok([_finding(one) for one in found])


def _finding(found: checks.Finding) -> dict[str, Any]:
    message = said(Issue(found.part, found.message, found.values))
    return {
        "level": found.level,
        "message": message,
        "language": found.language,
        "part": found.part,
        "line": found.line,
    }
