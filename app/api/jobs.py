"""/jobs: long work, and how far it is."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.core.db import db
from app.domain.reports import work
from app.domain.reports.models import ReportRun
from app.domain.reports.work import Work
from app.domain.transfer.models import Import
from app.http.auth import allow

bp = Blueprint("jobs_api", __name__, url_prefix="/jobs")

_IMPORT = (
    "file_name", "bytes", "position", "rows", "created", "updated", "unchanged", "failed", "warned", "columns", "mapping",
    "created_by", "created_at", "started_at", "finished_at",
)  # fmt: skip
_REPORT = ("name", "subject_id", "subject_name", "created_by", "created_at", "finished_at")


def serialize(job: Work) -> dict[str, Any]:
    """A job as the API shows it: an import with its numbers, a report with its files."""
    common = {"id": job.id, "kind": work.kind_of(job), "state": job.state, "failure": job.failure}
    return common | (_import(job) if isinstance(job, Import) else _report(job))


def _import(job: Import) -> dict[str, Any]:
    return {name: getattr(job, name) for name in _IMPORT}


def _report(job: ReportRun) -> dict[str, Any]:
    files = {kind: f"/api/v1/reports/runs/{job.id}/{kind}" for kind in ("xlsx", "pdf") if getattr(job, kind)}
    return {name: getattr(job, name) for name in _REPORT} | {"files": files}


@bp.get("")
@allow("")
@envelope.asks("kind", paged=True)
def index() -> ResponseReturnValue:
    """Imports and reports, the newest first; filter `kind` (import, report)."""
    page = work.listed(db.session(), envelope.ask(), by=g.actor, kind=request.args.get("kind", ""))
    return envelope.listed(page, serialize)


@bp.get("/<uuid:job_id>")
@allow("")
def show(job_id: UUID) -> ResponseReturnValue:
    """How far one is."""
    return envelope.ok(serialize(work.get(db.session(), job_id, by=g.actor)))


@bp.post("/<uuid:job_id>/cancel")
@envelope.once("imports:write")
def cancel(job_id: UUID) -> ResponseReturnValue:
    """Stop an import; the rows loaded so far stay."""
    return envelope.ok(serialize(work.cancel(db.session(), job_id, by=g.actor)))
