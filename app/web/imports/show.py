"""An import at work and at its end: progress, numbers, bad rows."""

from io import BytesIO
from uuid import UUID

from flask import flash, g, redirect, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.domain.access import users
from app.domain.transfer import badrows, imports
from app.domain.transfer.models import Import
from app.http.auth import allow
from app.web.imports.blueprint import bp
from app.web.render import leave_for, page_or_part


@bp.get("/<uuid:import_id>")
@allow("imports:read")
def show(import_id: UUID) -> ResponseReturnValue:
    """How far it is, or what came of it. The part polls itself until the import is over."""
    row = imports.get(db.session(), import_id, by=g.actor)
    if row.state == "uploaded" and g.actor.may("imports:write"):
        return redirect(url_for(".choose", import_id=import_id), 303)
    return page_or_part("imports/show.html", "imports/_progress.html", **_values(row))


def _values(row: Import) -> dict[str, object]:
    session = db.session()
    return {
        "row": row,
        "reasons": badrows.reasons(session, row) if row.failed or row.warned else {},
        "person": users.names(session, [row.created_by]).get(row.created_by) if row.created_by else None,
    }


@bp.post("/<uuid:import_id>/cancel")
@allow("imports:write")
def cancel(import_id: UUID) -> ResponseReturnValue:
    """Stop it; what is loaded stays."""
    imports.cancel(db.session(), import_id, by=g.actor)
    flash(_("The import was stopped. The rows loaded so far stay."), "success")
    return leave_for(url_for(".show", import_id=import_id))


@bp.post("/<uuid:import_id>/errors")
@allow("imports:write")
def errors(import_id: UUID) -> ResponseReturnValue:
    """The bad rows as CSV, in clear; logged."""
    row = imports.get(db.session(), import_id, by=g.actor)
    content = badrows.download(db.session(), row, by=g.actor)
    name = f"{row.file_name.rpartition('.')[0] or row.file_name}-errors.csv"
    return send_file(BytesIO(content), mimetype="text/csv; charset=utf-8", as_attachment=True, download_name=name)
