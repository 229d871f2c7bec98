"""/bank/runs: the calculations of a month."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict

from app.api import envelope, jobs
from app.api.bank.blueprint import bp, month
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.bank import figures, outcomes, programmes, qualification, review, stream
from app.domain.bank.gates import bound
from app.domain.bank.models import OUTCOMES, Override, QualificationRun
from app.domain.bank.outcomes import SHOWN, Judged, Wanted
from app.domain.bank.stream import MonthEvent, Since
from app.http.auth import allow


class RunInput(BaseModel):
    """A programme and a month (2026-10)."""

    model_config = ConfigDict(extra="forbid")

    programme: UUID
    month: str


@bp.post("/runs")
@envelope.once("bank:write")
def start() -> ResponseReturnValue:
    """Calculate a month; the job's result names the run."""
    asked = envelope.body(RunInput)
    run = qualification.start(db.session(), asked.programme, month(asked.month), by=g.actor)
    return envelope.ok(jobs.serialize(run), 202, location=f"/api/v1/jobs/{run.id}")


@bp.get("/runs")
@allow("bank:read")
@envelope.asks(paged=True)
def runs() -> ResponseReturnValue:
    """Runs, the newest first."""
    page = qualification.listed(db.session(), envelope.ask(), by=g.actor)
    stand = outcomes.totals_of(db.session(), page.items)
    return envelope.listed(page, lambda row: serialize(row, stand[row.id]))


@bp.get("/runs/<uuid:run_id>")
@allow("bank:read")
def run(run_id: UUID) -> ResponseReturnValue:
    """One run with its totals and gates."""
    row = qualification.get(db.session(), run_id, by=g.actor)
    shown = {**serialize(row), "month_before": _month_before(row) if row.totals else None}
    return envelope.ok({**shown, "actions": sorted(review.possible(db.session(), row, by=g.actor))})


def _month_before(row: QualificationRun) -> dict[str, Any] | None:
    found = figures.month_before(db.session(), row, by=g.actor)
    if found is None:
        return None
    before, stands = found
    return {
        "id": before.id,
        "month": f"{before.month:%Y-%m}",
        "totals": {name: stands[name] for name in ("customers", *OUTCOMES)},
    }


def serialize(row: QualificationRun, stands: dict[str, int] | None = None) -> dict[str, Any]:
    """A run; its totals are as it stands, with the overrides."""
    stands = (stands or outcomes.totals(db.session(), row)) if row.totals else {}
    told = {"released_at": row.released_at, "made_at": row.made_at, "told": row.told} if row.released_at else {}
    return {
        "id": row.id, "programme": row.programme_id, "month": f"{row.month:%Y-%m}", "version": row.version, "state": row.state,
        "totals": {name: stands[name] for name in ("customers", *OUTCOMES)} if stands else None,
        "overridden": stands.get("overridden", 0),
        "gates": row.gates and [one | {"bound": bound(one["code"])} for one in row.gates],
        "input_hash": row.input_hash, "failure": row.failure, "created_at": row.created_at,
        "calculated_at": row.calculated_at, "approval_id": row.approval_id, "planned_for": row.planned_for,
        "plan_failure": row.plan_failure, **told,
    }  # fmt: skip


@bp.get("/runs/<uuid:run_id>/outcomes")
@allow("bank:read")
@envelope.asks("outcome", "external_id", "which", paged=True)
def customers(run_id: UUID) -> ResponseReturnValue:
    """What became of the customers, with the reason; filters `outcome`, `external_id` and `which`."""
    session, asked = db.session(), request.args
    wanted = Wanted(asked.get("outcome", ""), asked.get("external_id", ""), asked.get("which", ""))
    if wanted.outcome and wanted.outcome not in OUTCOMES:
        raise Invalid.field("outcome", mark("There is no such outcome."))
    if wanted.which and wanted.which not in SHOWN:
        raise Invalid.field("which", mark("Choose overridden, near, gained or dropped."))
    row = qualification.get(session, run_id, by=g.actor)
    threshold = programmes.version_of(session, row, by=g.actor).threshold
    page = outcomes.listed(session, run_id, envelope.ask(), wanted, by=g.actor)
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
        "external_id": one.external_id, "outcome": one.stands, "calculated": found.outcome, "days_passed": found.days_passed,
        "days_required": found.days_required, "missing": missing, "first_below": below, "opened_on": found.opened_on,
        "overridden": one.override is not None, "override": override_out(one.override) if one.override else None,
    }  # fmt: skip


def override_out(row: Override) -> dict[str, Any]:
    """A person's word against an outcome."""
    names = ("id", "before", "outcome", "reason", "evidence_name", "created_by", "created_at")
    return {name: getattr(row, name) for name in names}


@bp.get("/runs/<uuid:run_id>/events")
@allow("bank:read")
@envelope.asks("type", "since", paged=True)
def events(run_id: UUID) -> ResponseReturnValue:
    """What happened in the month, the oldest first: of one `type`, or `since` a moment on; the last minute is not yet told."""
    wanted = Since(envelope.word("type"), envelope.moment("since"))
    if wanted.type and wanted.type not in stream.TYPES:
        raise Invalid.field("type", mark("There is no event of this type."))
    return envelope.listed(stream.listed(db.session(), run_id, envelope.ask(), wanted, by=g.actor), _event)


def _event(one: MonthEvent) -> dict[str, Any]:
    return {
        "id": one.id, "type": one.type, "at": one.at, "correlation_id": one.run_id, "run": one.run_id, "status": one.status,
        "message": one.message_id, "contact": one.contact_id, "day": one.day,
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
    became = outcomes.compare(db.session(), run_id, other, by=g.actor)
    return envelope.ok({"became": [{"from": one.before, "to": one.after, "count": one.count} for one in became]})
