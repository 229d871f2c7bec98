"""/jobs: long work, and how far it is."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.core.db import db
from app.domain.bank import balances
from app.domain.bank.models import BalanceCheck, QualificationRun
from app.domain.reports import runs, work
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
    """A job as the API shows it: an import or a check of balances with its numbers, a report with its files, a month's run."""
    kind = {"id": job.id, "kind": work.kind_of(job)}
    if isinstance(job, BalanceCheck):
        return kind | _check(job)
    common = kind | {"state": job.state, "failure": job.failure}
    if isinstance(job, QualificationRun):
        state = "completed" if job.state == "calculated" else job.state
        return common | {"state": state, "created_at": job.created_at, "result": {"run_id": job.id}}
    return common | (_import(job) if isinstance(job, Import) else _report(job))


def _check(job: BalanceCheck) -> dict[str, Any]:
    far = balances.progress(db.session(), job, by=g.actor)
    told = {"from": job.first, "to": job.last, "created_at": job.created_at, "failure": None}
    return told | {"state": far.state, "days": far.days, "done": far.done, "failed": far.failed, "records": far.records}


def _import(job: Import) -> dict[str, Any]:
    return {name: getattr(job, name) for name in _IMPORT}


def _report(job: ReportRun) -> dict[str, Any]:
    kept = runs.files(db.session(), [job], by=g.actor)[job.id]
    files = {kind: f"/api/v1/reports/runs/{job.id}/{kind}" for kind in kept}
    return {name: getattr(job, name) for name in _REPORT} | {"files": files}


@bp.get("")
@allow("")
@envelope.asks("kind", paged=True)
def index() -> ResponseReturnValue:
    """Long work, the newest first; filter `kind` (import, report, balances, run)."""
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
