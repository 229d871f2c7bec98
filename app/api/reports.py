"""/reports: the catalogue, asking for a report, its files."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from uuid import UUID

from flask import Blueprint, g, send_file
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.core.db import db
from app.domain.reports import runs, subscribers
from app.domain.reports.catalogue import CATALOGUE, readable
from app.domain.reports.models import ReportRun, Subscriber
from app.domain.reports.runs import ReportInput
from app.domain.reports.subscribers import SubscriberInput
from app.http.auth import allow

bp = Blueprint("reports_api", __name__, url_prefix="/reports")

_FIELDS = (
    "id",
    "name",
    "subject_id",
    "subject_name",
    "locale",
    "recipients",
    "state",
    "failure",
    "created_at",
    "finished_at",
)


def serialize(run: ReportRun) -> dict[str, Any]:
    """A run as the API shows it; the checksums (SHA-256) name its files."""
    return _out(run, runs.files(db.session(), [run], by=g.actor))


def _out(run: ReportRun, files: Mapping[UUID, dict[str, str]]) -> dict[str, Any]:
    return {name: getattr(run, name) for name in _FIELDS} | {"files": files[run.id]}


@bp.get("")
@allow("reports:read")
def index() -> ResponseReturnValue:
    """The catalogue of reports."""
    known = [name for name in sorted(CATALOGUE) if name in readable(g.actor)]
    return envelope.all_of(known, lambda name: {"name": name, "title": CATALOGUE[name].title})


@bp.get("/runs")
@allow("reports:read")
@envelope.asks(paged=True)
def made() -> ResponseReturnValue:
    """The reports that were asked for, newest first."""
    page = runs.listed(db.session(), envelope.ask(), by=g.actor)
    files = runs.files(db.session(), page.items, by=g.actor)
    return envelope.listed(page, lambda run: _out(run, files))


@bp.post("/<name>/run")
@envelope.once("reports:read")
def run(name: str) -> ResponseReturnValue:
    """Ask for a report; it is made in the background. Which permission it takes, the report says."""
    asked = runs.ask(db.session(), name, envelope.body(ReportInput), by=g.actor)
    return envelope.ok(serialize(asked), 202, location=f"/api/v1/reports/runs/{asked.id}")


def _subscriber(row: Subscriber) -> dict[str, Any]:
    names = ("id", "programme_id", "address", "language", "formats", "is_asked", "created_at")
    return {name: getattr(row, name) for name in names}


@bp.get("/subscribers/<uuid:programme_id>")
@allow("bank:read")
@envelope.asks(paged=True)
def subscriber_list(programme_id: UUID) -> ResponseReturnValue:
    """Who gets the report of a programme's months, by their addresses."""
    return envelope.listed(subscribers.listed(db.session(), programme_id, envelope.ask(), by=g.actor), _subscriber)


@bp.post("/subscribers/<uuid:programme_id>")
@envelope.once("bank:read")
def subscribe(programme_id: UUID) -> ResponseReturnValue:
    """Ask a second person to let somebody get it; without an address whoever asks."""
    request = subscribers.ask(db.session(), programme_id, envelope.body(SubscriberInput), by=g.actor)
    return envelope.ok(
        {"approval_id": request.id, "id": request.subject_id}, 202, location=f"/api/v1/approvals/{request.id}"
    )


@bp.delete("/subscribers/<uuid:programme_id>/<uuid:subscriber_id>")
@allow("bank:read")
def leave(programme_id: UUID, subscriber_id: UUID) -> ResponseReturnValue:
    """Leave it, or take somebody off."""
    subscribers.leave(db.session(), subscriber_id, by=g.actor)
    return envelope.nothing()


@bp.get("/runs/<uuid:run_id>")
@allow("reports:read")
def show(run_id: UUID) -> ResponseReturnValue:
    """One report's progress and files."""
    return envelope.ok(serialize(runs.get(db.session(), run_id, by=g.actor)))


@bp.get("/runs/<uuid:run_id>/<kind>")
@allow("reports:read")
def download(run_id: UUID, kind: str) -> ResponseReturnValue:
    """A report's file: xlsx or pdf; of a pack for auditors zip, and py, the program that verifies it."""
    content, media_type, name = runs.download(db.session(), run_id, kind, by=g.actor)
    return send_file(BytesIO(content), mimetype=media_type, as_attachment=True, download_name=name)
