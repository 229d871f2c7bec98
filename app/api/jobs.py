"""/jobs: long work that goes on in the background: imports and reports."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.core.db import db
from app.core.errors import NotFound
from app.domain.reports import runs
from app.domain.reports.models import ReportRun
from app.domain.transfer import imports
from app.domain.transfer.models import Import
from app.http.auth import allow

bp = Blueprint("jobs_api", __name__, url_prefix="/jobs")

_IMPORT = (
    "id",
    "state",
    "rows",
    "created",
    "updated",
    "unchanged",
    "failed",
    "failure",
    "created_at",
    "started_at",
    "finished_at",
)


def import_out(row: Import) -> dict[str, Any]:
    """An import as the API shows it; `progress` is the share of the file that was read."""
    progress = 1.0 if row.state == "completed" else round(row.position / row.bytes, 3) if row.bytes else 0.0
    return {name: getattr(row, name) for name in _IMPORT} | {"kind": "import", "progress": min(progress, 1.0)}


def report_out(run: ReportRun) -> dict[str, Any]:
    """A report run as a job."""
    names = ("id", "state", "failure", "created_at", "finished_at")
    return {name: getattr(run, name) for name in names} | {
        "kind": "report",
        "progress": float(run.state == "completed"),
    }


@bp.get("")
@allow("imports:read")
def index() -> ResponseReturnValue:
    """The imports, newest first (reports have their own list)."""
    return envelope.listed(imports.listed(db.session(), envelope.ask(), by=g.actor), import_out)


@bp.get("/<uuid:job_id>")
@allow("imports:read")
def show(job_id: UUID) -> ResponseReturnValue:
    """One job's progress."""
    try:
        return envelope.ok(import_out(imports.get(db.session(), job_id, by=g.actor)))
    except NotFound:
        return envelope.ok(report_out(runs.get(db.session(), job_id, by=g.actor)))


@bp.post("/<uuid:job_id>/cancel")
@envelope.once("imports:write")
def cancel(job_id: UUID) -> ResponseReturnValue:
    """Stop an import; the rows loaded so far stay."""
    return envelope.ok(import_out(imports.cancel(db.session(), job_id, by=g.actor)))
