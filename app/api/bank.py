"""/bank: programmes, balances, the runs of a month."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict, Field

from app.api import envelope, jobs
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.bank import balances, programmes, qualification
from app.domain.bank.balances import month_of
from app.domain.bank.models import OUTCOMES, Balance, BalanceDay, Programme, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from app.domain.bank.qualification import Judged
from app.http.auth import allow

bp = Blueprint("bank_api", __name__, url_prefix="/bank")


class CheckInput(BaseModel):
    """The days to take balances of."""

    model_config = ConfigDict(extra="forbid")

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    programme: UUID | None = None


class RunInput(BaseModel):
    """A programme and a month (2026-10)."""

    model_config = ConfigDict(extra="forbid")

    programme: UUID
    month: str


def serialize(programme: Programme) -> dict[str, Any]:
    """A programme with what it asks for now."""
    asked = programmes.as_input(db.session(), programme, by=g.actor).model_dump()
    return {"id": programme.id, "version": programme.number, "created_at": programme.created_at, **asked}


@bp.get("/programmes")
@allow("bank:read")
def programme_list() -> ResponseReturnValue:
    """All programmes, the oldest first."""
    return envelope.all_of(programmes.listed(db.session(), by=g.actor), serialize)


@bp.post("/programmes")
@envelope.once("bank:write")
def create() -> ResponseReturnValue:
    """Ask a second person for a programme."""
    request = programmes.propose(db.session(), envelope.body(ProgrammeInput), by=g.actor)
    return envelope.ok(
        {"approval_id": request.id, "id": request.subject_id}, 202, location=f"/api/v1/approvals/{request.id}"
    )


@bp.get("/programmes/<uuid:programme_id>")
@allow("bank:read")
def show(programme_id: UUID) -> ResponseReturnValue:
    """One programme."""
    return envelope.ok(serialize(programmes.get(db.session(), programme_id, by=g.actor)))


@bp.patch("/programmes/<uuid:programme_id>")
@envelope.once("bank:write")
def change(programme_id: UUID) -> ResponseReturnValue:
    """Ask a second person for another version; what the body leaves out stays."""
    session = db.session()
    now = programmes.as_input(session, programmes.get(session, programme_id, by=g.actor), by=g.actor).model_dump(
        mode="json"
    )
    request = programmes.propose(session, envelope.patched(ProgrammeInput, now), programme_id, by=g.actor)
    return envelope.ok({"approval_id": request.id, "id": programme_id}, 202, location=f"/api/v1/approvals/{request.id}")


@bp.post("/balances/check")
@envelope.once("bank:write")
def check() -> ResponseReturnValue:
    """Take the balances of some days, again where they were taken; how far it is, /jobs says."""
    asked = envelope.body(CheckInput)
    if asked.programme:  # every programme looks at the same balances
        programmes.get(db.session(), asked.programme, by=g.actor)
    row = balances.ask(db.session(), asked.first, asked.last, by=g.actor)
    return envelope.ok(jobs.serialize(row), 202, location=f"/api/v1/jobs/{row.id}")


@bp.get("/balances/status")
@allow("bank:read")
@envelope.asks("month")
def status() -> ResponseReturnValue:
    """The days of a month, how far each is and what was wrong."""
    first, after = month_of(_month(request.args.get("month", "")))
    return envelope.all_of(balances.listed(db.session(), first, after - timedelta(days=1), by=g.actor), _day)


def _day(row: BalanceDay) -> dict[str, Any]:
    names = ("day", "state", "records", "kept", "issues", "tries", "failure", "asked_at", "taken_at")
    return {name: getattr(row, name) for name in names}


@bp.get("/balances/<external_id>")
@allow("bank:read")
@envelope.asks("month", "versions")
def history(external_id: str) -> ResponseReturnValue:
    """A customer's month: the newest version of each day first, or all of them with `versions=all`."""
    session = db.session()
    first, after = month_of(_month(request.args.get("month", "")))
    last = after - timedelta(days=1)
    contact = balances.whose(session, external_id, by=g.actor)
    every = request.args.get("versions") == "all"
    rows = balances.of_contact(session, contact, first, last, every_version=every, by=g.actor)
    wrong = {issue.day: issue.kind for issue in balances.issues_of(session, contact, first, last, by=g.actor)}
    return envelope.all_of(rows, lambda row: _balance(row, wrong))


def _balance(row: Balance, wrong: dict[date, str]) -> dict[str, Any]:
    out = {
        "date": row.day,
        "amount": str(row.amount),
        "currency": row.currency,
        "version": row.version,
        "source": row.source,
    }
    return out | ({"issue": wrong[row.day]} if row.day in wrong else {})


@bp.post("/runs")
@envelope.once("bank:write")
def start() -> ResponseReturnValue:
    """Calculate a month; the job's result names the run."""
    asked = envelope.body(RunInput)
    run = qualification.start(db.session(), asked.programme, _month(asked.month), by=g.actor)
    return envelope.ok(jobs.serialize(run), 202, location=f"/api/v1/jobs/{run.id}")


@bp.get("/runs")
@allow("bank:read")
@envelope.asks(paged=True)
def runs() -> ResponseReturnValue:
    """Runs, the newest first."""
    return envelope.listed(qualification.listed(db.session(), envelope.ask(), by=g.actor), _run)


@bp.get("/runs/<uuid:run_id>")
@allow("bank:read")
def run(run_id: UUID) -> ResponseReturnValue:
    """One run with its totals and gates."""
    return envelope.ok(_run(qualification.get(db.session(), run_id, by=g.actor)))


def _run(row: QualificationRun) -> dict[str, Any]:
    return {
        "id": row.id, "programme": row.programme_id, "month": f"{row.month:%Y-%m}", "version": row.version, "state": row.state,
        "totals": row.totals, "gates": row.gates, "input_hash": row.input_hash, "failure": row.failure,
        "created_at": row.created_at, "calculated_at": row.calculated_at,
    }  # fmt: skip


@bp.get("/runs/<uuid:run_id>/outcomes")
@allow("bank:read")
@envelope.asks("outcome", "external_id", paged=True)
def outcomes(run_id: UUID) -> ResponseReturnValue:
    """What became of the customers, with the reason; filters `outcome` and `external_id`."""
    session, wanted = db.session(), request.args.get("outcome", "")
    if wanted and wanted not in OUTCOMES:
        raise Invalid.field("outcome", mark("There is no such outcome."))
    row = qualification.get(session, run_id, by=g.actor)
    threshold = programmes.version_of(session, row, by=g.actor).threshold
    page = qualification.outcomes(
        session, run_id, envelope.ask(), by=g.actor, outcome=wanted, external_id=request.args.get("external_id", "")
    )
    return envelope.listed(page, lambda one: _outcome(one, threshold))


def _outcome(one: Judged, threshold: Decimal) -> dict[str, Any]:
    found = one.outcome
    missing, below = [day.isoformat() for day in found.missing], None
    if found.first_below is not None and found.below_amount is not None:
        below = {
            "date": found.first_below.isoformat(),
            "amount": str(found.below_amount),
            "short_by": str(threshold - found.below_amount),
        }
    return {
        "external_id": one.external_id, "outcome": found.outcome, "days_passed": found.days_passed,
        "days_required": found.days_required, "missing": missing, "first_below": below, "overridden": False,
    }  # fmt: skip


@bp.get("/runs/<uuid:run_id>/compare")
@allow("bank:read")
@envelope.asks("with")
def compare(run_id: UUID) -> ResponseReturnValue:
    """Who changed since another run (`with`)."""
    try:
        other = UUID(request.args.get("with", ""))
    except ValueError:
        raise Invalid.field("with", mark("Name the run to compare with.")) from None
    became = qualification.compare(db.session(), run_id, other, by=g.actor)
    return envelope.ok({"became": [{"from": one.before, "to": one.after, "count": one.count} for one in became]})


def _month(said: str) -> date:
    try:
        return date.fromisoformat(f"{said}-01")
    except ValueError:
        raise Invalid.field("month", mark("Write the month like 2026-10.")) from None
