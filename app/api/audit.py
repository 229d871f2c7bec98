"""/audit: the trail, and whether its chain is whole."""

import json
from typing import Any

from flask import Blueprint, Response, g, request, stream_with_context
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.core.db import db
from app.domain.access.keyring import organisation_of
from app.domain.audit import chain, trail
from app.domain.audit.models import AuditEntry
from app.http import inputs
from app.http.auth import allow

bp = Blueprint("audit_api", __name__, url_prefix="/audit")

_FIELDS = (
    "seq", "at", "actor_kind", "actor_id", "actor_name", "action", "subject_kind", "subject_id", "before", "after", "ip",
    "correlation_id",
)  # fmt: skip


def _entry(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _FIELDS} | {"hash": entry.hash.hex()}


@bp.get("")
@allow("audit:read")
@envelope.asks("action", "from", "until", paged=True)
def index() -> ResponseReturnValue:
    """List entries, newest first; filter `action` by its beginning, `from` and `until` (days, both included)."""
    return envelope.listed(trail.entries(db.session(), envelope.ask(), by=g.actor, wanted=_wanted()), _entry)


def _wanted() -> trail.Filter:
    given, zone = request.args, organisation_of(db.session()).timezone
    first, before = inputs.days(given.get("from", ""), given.get("until", ""), zone)
    return trail.Filter(action=envelope.word("action").replace("\0", ""), first=first, before=before)


@bp.get("/export")
@allow("audit:export")
@envelope.asks("action", "from", "until")
def export() -> ResponseReturnValue:
    """Every entry as one JSON object a line, oldest first; that it was exported is noted."""
    entries = trail.export(db.session(), _wanted(), by=g.actor)
    lines = (json.dumps(envelope.plain(_entry(entry)), ensure_ascii=False) + "\n" for entry in entries)
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return Response(stream_with_context(lines), mimetype="application/x-ndjson", headers=headers)


@bp.get("/verify")
@allow("audit:read")
def verify() -> ResponseReturnValue:
    """Read the whole chain and tell whether anything was changed, removed or added."""
    verdict = chain.verify(db.session(), by=g.actor)
    return envelope.ok({"entries": verdict.entries, "broken_at": verdict.broken_at, "reason": verdict.reason})
