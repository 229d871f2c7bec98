"""/imports: a file step by step, as on the pages: upload, look, try, start, read what was bad. In one step: /contacts/import."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from app.api import envelope, jobs
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.transfer import badrows, dry_run, imports
from app.domain.transfer.mapping import ImportOptions
from app.domain.transfer.models import Import
from app.http import inputs
from app.http.auth import allow
from app.http.sizes import FILE, takes

bp = Blueprint("imports_api", __name__, url_prefix="/imports")


def _options(row: Import) -> ImportOptions:
    """What the body says; what it leaves out is guessed."""
    given = envelope.raw_body()
    mapped = inputs.read(ImportOptions, {"mapping": given["mapping"]}).mapping if "mapping" in given else None
    guessed = imports.suggested(row, mapped).model_dump()
    return inputs.read(ImportOptions, {**guessed, **given, "types": {**guessed["types"], **(given.get("types") or {})}})


@bp.post("")
@envelope.once("imports:write")
@takes(FILE)
def upload() -> ResponseReturnValue:
    """Keep a file (`file` of a multipart form) and say what its columns would become; nothing is loaded yet."""
    sent = request.files.get("file")
    if sent is None:
        raise Invalid.field("file", mark("Send the file as “file” of a multipart form."))
    row = imports.upload(db.session(), sent.filename or "", sent.stream, by=g.actor)
    said = jobs.serialize(row) | {"options": imports.suggested(row).model_dump()}
    return envelope.ok(said, 201, location=f"/api/v1/jobs/{row.id}")


@bp.post("/<uuid:import_id>/preview")
@envelope.once("imports:write")
def preview(import_id: UUID) -> ResponseReturnValue:
    """The first rows as they stand in the file, and for each why it could not be taken."""
    session = db.session()
    row = imports.get(session, import_id, by=g.actor)
    return envelope.ok([_row(one) for one in imports.preview(session, row, _options(row), by=g.actor)])


def _row(one: imports.Previewed) -> dict[str, Any]:
    return {
        "row": one.number,
        "fields": one.fields,
        "is_good": one.draft is not None,
        "column": one.column,
        "reason": one.reason,
    }


@bp.post("/<uuid:import_id>/dry-run")
@envelope.once("imports:write")
def attempt(import_id: UUID) -> ResponseReturnValue:
    """What would become of the rows; nothing is written."""
    session = db.session()
    row = imports.get(session, import_id, by=g.actor)
    found = dry_run.run(session, row, _options(row), by=g.actor)
    bad = [{"column": column, "reason": reason, "rows": rows} for (column, reason), rows in found.bad.most_common()]
    names = ("rows", "new", "known", "repeated", "failed", "is_whole")
    return envelope.ok({name: getattr(found, name) for name in names} | {"bad": bad})


@bp.post("/<uuid:import_id>/start")
@envelope.once("imports:write")
def start(import_id: UUID) -> ResponseReturnValue:
    """Hand it to a worker."""
    session = db.session()
    row = imports.get(session, import_id, by=g.actor)
    imports.start(session, import_id, _options(row), by=g.actor)
    return envelope.ok(jobs.serialize(row), 202, location=f"/api/v1/jobs/{import_id}")


@bp.get("/<uuid:import_id>/errors")
@allow("imports:write")
def errors(import_id: UUID) -> ResponseReturnValue:
    """The bad rows as CSV, in clear; logged."""
    session = db.session()
    content = badrows.download(session, imports.get(session, import_id, by=g.actor), by=g.actor)
    headers = {"Content-Disposition": 'attachment; filename="errors.csv"'}
    return Response(content, mimetype="text/csv", headers=headers)
