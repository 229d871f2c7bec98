"""/segments: definitions, counts, previews, members, explanations."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue
from pydantic import Field
from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.api import envelope
from app.api.segments.blueprint import bp
from app.core import i18n
from app.core.db import db
from app.core.errors import Invalid, Issue, mark
from app.domain.audit import trail
from app.domain.audit.models import AuditEntry
from app.domain.segments import encryption, explain, fields, library, membership, saying, words
from app.domain.segments.check import check
from app.domain.segments.definition import Definition
from app.domain.segments.explain import Explanation
from app.domain.segments.library import SegmentInput
from app.domain.segments.models import Segment
from app.http.auth import allow
from app.http.inputs import Strict


class DefinitionOnly(Strict):
    """A definition that is not kept."""

    definition: dict[str, Any]


class PreviewInput(DefinitionOnly):
    """A definition and how many of its contacts to show."""

    limit: int = Field(default=10, ge=1, le=100)


def said(definition: Definition) -> str:
    """The definition as a sentence in the caller's language."""
    session = db.session()
    names = saying.Names(fields.catalogue(session), library.names(session, by=g.actor))
    return saying.spoken(words.sentence(definition, names), i18n.translator(g.actor.locale).gettext)


def serialize(segment: Segment) -> dict[str, Any]:
    """A segment as lists show it: names, e-mails and phones in its definition are masked."""
    return {
        "id": segment.id,
        "name": segment.name,
        "description": segment.description,
        "definition": encryption.masked(library.definition_of(db.session(), segment)),
        "size": segment.size,
        "counted_at": segment.counted_at,
        "version": segment.version,
        "created_by": segment.created_by,
        "updated_by": segment.updated_by,
        "created_at": segment.created_at,
        "updated_at": segment.updated_at,
        "archived_at": segment.archived_at,
    }


def contact_out(row: Row[Any]) -> dict[str, Any]:
    """A contact of a segment: nothing personal; /contacts/{id} has the rest for those who may see it."""
    return {
        "id": row.id,
        "external_id": row.external_id,
        "status": row.status,
        "language": row.language,
        "city": row.city,
        "created_at": row.created_at,
    }


def one(segment: Segment, status: int = 200) -> ResponseReturnValue:
    """A segment by itself, with what the caller can do with it."""
    location = f"/api/v1/segments/{segment.id}" if status == 201 else None
    out = {**serialize(segment), "actions": sorted(library.possible(segment, by=g.actor))}
    if g.actor.may("contacts:reveal"):
        out["definition"] = library.revealed(db.session(), segment, by=g.actor).dump()
    return envelope.ok(out, status, location=location, version=segment.version)


def _checked(session: Session, raw: Mapping[str, Any]) -> Definition:
    """A definition of a body; its mistakes are named from the body on: `definition.where.all[0].value`."""
    try:
        return check(session, raw)
    except Invalid as error:
        issues = tuple(Issue(f"definition.{i.field}".rstrip("."), i.message, i.values) for i in error.details)
        raise Invalid(error.message, details=issues) from None


@bp.get("")
@allow("segments:read")
@envelope.asks("archived", "q", paged=True)
def index() -> ResponseReturnValue:
    """List segments, newest first; filters `q` and `archived`."""
    is_archived = request.args.get("archived", "") in ("1", "true")
    page = library.listed(
        db.session(), envelope.ask(), by=g.actor, text=request.args.get("q", ""), is_archived=is_archived
    )
    return envelope.listed(page, serialize)


@bp.post("")
@envelope.once("segments:write")
def create() -> ResponseReturnValue:
    """Make a segment; it is counted at once."""
    return one(library.create(db.session(), envelope.body(SegmentInput), by=g.actor), 201)


@bp.get("/<uuid:segment_id>")
@allow("segments:read")
def show(segment_id: UUID) -> ResponseReturnValue:
    """One segment."""
    return one(library.get(db.session(), segment_id, by=g.actor))


@bp.patch("/<uuid:segment_id>")
@allow("segments:write")
def change(segment_id: UUID) -> ResponseReturnValue:
    """Change a segment; If-Match names the version it was read at."""
    session = db.session()
    segment = library.one_for_update(session, segment_id)
    present = {
        "name": segment.name,
        "description": segment.description,
        "definition": library.definition_of(session, segment).dump(),
    }
    new = envelope.patched(SegmentInput, present)
    return one(library.update(session, segment_id, new, version=envelope.version_asked(), by=g.actor))


@bp.delete("/<uuid:segment_id>")
@allow("segments:write")
def archive(segment_id: UUID) -> ResponseReturnValue:
    """Archive a segment; refused while something uses it."""
    library.archive(db.session(), segment_id, by=g.actor)
    return envelope.nothing()


@bp.post("/count")
@envelope.once("segments:read")
def count() -> ResponseReturnValue:
    """How many contacts a definition matches, in all and by condition; nothing is kept."""
    session = db.session()
    definition = _checked(session, envelope.body(DefinitionOnly).definition)
    numbers = membership.numbers(session, definition)
    return envelope.ok(
        {
            "count": numbers.matched,
            "of": numbers.everybody,
            "share": round(numbers.share, 6),
            "conditions": [{"path": path, "count": number} for path, number in numbers.by_condition.items()],
            "words": said(definition),
        }
    )


@bp.post("/preview")
@envelope.once("segments:read")
def preview() -> ResponseReturnValue:
    """A few of the contacts a definition matches, without personal data; nothing is kept."""
    session, asked = db.session(), envelope.body(PreviewInput)
    definition = _checked(session, asked.definition)
    rows = membership.sample(session, definition, asked.limit)
    total = membership.count(session, definition)
    return envelope.ok([contact_out(row) for row in rows], more={"total": total})


@bp.get("/<uuid:segment_id>/contacts")
@allow("contacts:read")
@envelope.asks(paged=True)
def contacts(segment_id: UUID) -> ResponseReturnValue:
    """Who is in a segment now."""
    segment = library.get(db.session(), segment_id, by=g.actor)
    return envelope.listed(membership.contacts(db.session(), segment, envelope.ask(), by=g.actor), contact_out)


@bp.get("/<uuid:segment_id>/explain")
@allow("contacts:read")
@envelope.asks("contact")
def explained(segment_id: UUID) -> ResponseReturnValue:
    """Why a contact is in a segment or not; `contact` is an id or an external_id."""
    session = db.session()
    asked = request.args.get("contact", "")
    if not asked:
        raise Invalid.field("contact", mark("This field is required."))
    segment = library.get(session, segment_id, by=g.actor)
    found = explain.find(session, asked, by=g.actor)
    return envelope.ok(explanation_out(explain.explain(session, segment, found, by=g.actor)))


def explanation_out(one: Explanation) -> dict[str, Any]:
    """An explanation as the API shows it."""
    return {
        "contact": one.contact_id,
        "external_id": one.external_id,
        "in": one.is_in,
        "conditions": [
            {"path": v.path, "condition": encryption.masked(v.condition), "holds": v.holds, "value": v.value}
            for v in one.verdicts
        ],
    }


@bp.get("/<uuid:segment_id>/history")
@allow("segments:read")
@envelope.asks(paged=True)
def history(segment_id: UUID) -> ResponseReturnValue:
    """What was done to a segment and by whom, newest first."""
    library.get(db.session(), segment_id, by=g.actor)
    page = trail.entries(db.session(), envelope.ask(), by=g.actor, subject=(library.SUBJECT, str(segment_id)))
    return envelope.listed(page, entry_out)


def entry_out(entry: AuditEntry) -> dict[str, Any]:
    """An act as the API shows it."""
    return {
        "at": entry.at,
        "action": entry.action,
        "actor": {"kind": entry.actor_kind, "id": entry.actor_id, "name": entry.actor_name},
        "before": entry.before,
        "after": entry.after,
        "correlation_id": entry.correlation_id,
    }


@bp.post("/<uuid:segment_id>/recount")
@envelope.once("segments:read")
def recount(segment_id: UUID) -> ResponseReturnValue:
    """Count a segment now."""
    return one(library.recount(db.session(), segment_id, by=g.actor))
