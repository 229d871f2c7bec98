"""/segments/{id}/versions: what a segment was, and the way back to it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.segments.blueprint import bp
from app.api.segments.definitions import one, said
from app.core.db import db
from app.domain.access import users
from app.domain.segments import encryption, library, versions
from app.domain.segments.models import SegmentVersion
from app.http.auth import allow


@bp.get("/<uuid:segment_id>/versions")
@allow("segments:read")
@envelope.asks(paged=True)
def every_version(segment_id: UUID) -> ResponseReturnValue:
    """The versions of a segment, newest first, each with what it changed."""
    session = db.session()
    library.get(session, segment_id, by=g.actor)
    page = versions.listed(session, segment_id, envelope.ask(), by=g.actor)
    changes = versions.changes(session, page.items)
    names = users.names(session, [version.made_by for version in page.items if version.made_by])
    return envelope.listed(page, lambda version: version_out(version, names, changes.get(version.number)))


def version_out(
    version: SegmentVersion, names: Mapping[UUID, str], changed: versions.Difference | None
) -> dict[str, Any]:
    """A version as the API shows it; e-mails and phones are masked."""
    definition = versions.definition_of(db.session(), version)
    return {
        "number": version.number,
        "name": version.name,
        "description": version.description,
        "definition": encryption.masked(definition),
        "words": said(definition),
        "restored_from": version.restored_from,
        "at": version.made_at,
        "by": {"id": version.made_by, "name": names.get(version.made_by)} if version.made_by else None,
        "changes": changed and difference_out(changed),
    }


def difference_out(found: versions.Difference) -> dict[str, Any]:
    """What is different between two versions: before and after, and the conditions that came and went."""
    pairs = {"name": found.name, "description": found.description, "zone": found.zone}
    return {
        **{name: dict(zip(("before", "after"), pair, strict=True)) for name, pair in pairs.items() if pair},
        "added": [encryption.masked(condition) for condition in found.added],
        "removed": [encryption.masked(condition) for condition in found.removed],
        "regrouped": found.is_regrouped,
    }


@bp.post("/<uuid:segment_id>/versions/<int:number>/restore")
@envelope.once("segments:write")
def restore(segment_id: UUID, number: int) -> ResponseReturnValue:
    """Make a segment what it was in an earlier version; this is a new one."""
    return one(library.restore(db.session(), segment_id, number, version=envelope.version_asked(), by=g.actor))


@bp.post("/<uuid:segment_id>/unarchive")
@envelope.once("segments:write")
def unarchive(segment_id: UUID) -> ResponseReturnValue:
    """Bring an archived segment back under its name."""
    return one(library.unarchive(db.session(), segment_id, by=g.actor))
