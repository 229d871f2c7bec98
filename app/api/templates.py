"""/templates: texts and their versions, previews, checks."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.core.db import db
from app.domain.content import checks, library, preview
from app.domain.content.library import TemplateInput
from app.domain.content.models import Template, TemplateVersion
from app.http.auth import allow
from app.http.inputs import Strict

bp = Blueprint("templates_api", __name__, url_prefix="/templates")


class As(Strict):
    """Whom to preview as: a customer number, or anybody; in which language."""

    contact: str = ""
    language: str = Field(default="en", pattern="^(en|he)$")


def shown(template: Template) -> dict[str, Any]:
    """A template with its present texts."""
    version = library.current(db.session(), template)
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
    return envelope.ok(shown(template), status, location=location, version=template.version)


@bp.get("")
@allow("templates:read")
def index() -> ResponseReturnValue:
    """List templates; filters `channel` and `q`."""
    wanted = {"channel": request.args.get("channel", ""), "text": request.args.get("q", "")}
    return envelope.listed(library.listed(db.session(), envelope.ask(), by=g.actor, **wanted), shown)


@bp.post("")
@envelope.once("templates:write")
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
def change(template_id: UUID) -> ResponseReturnValue:
    """Save a change as a new version."""
    template = library.get(db.session(), template_id, by=g.actor)
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


@bp.post("/<uuid:template_id>/preview")
@envelope.once("templates:read")
def look(template_id: UUID) -> ResponseReturnValue:
    """The text as one person gets it."""
    wanted = envelope.body(As)
    template = library.get(db.session(), template_id, by=g.actor)
    version = library.current(db.session(), template)
    said = version.texts.get(wanted.language) or version.texts[version.fallback_language]
    data = preview.data_for(db.session(), preview.someone(db.session(), wanted.contact))
    return envelope.ok(asdict(preview.preview(template.channel, template.message_class, said, data)))


@bp.post("/<uuid:template_id>/check")
@envelope.once("templates:read")
def check(template_id: UUID) -> ResponseReturnValue:
    """What is wrong with the text; errors block a send."""
    template = library.get(db.session(), template_id, by=g.actor)
    found = checks.check(db.session(), template, library.current(db.session(), template))
    return envelope.ok([asdict(finding) for finding in found])
