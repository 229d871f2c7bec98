"""A run: its numbers, its gates, and what became of the customers."""

from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.core.errors import mark
from app.domain.bank import programmes, qualification
from app.domain.bank.models import OUTCOMES
from app.http.auth import allow
from app.web import paging, sought
from app.web.bank.blueprint import bp
from app.web.bank.gates import MORE
from app.web.render import page_or_part

GATES = {
    "days_complete": mark("Days that have been taken"),
    "coverage": mark("Days with a value, in per cent, of customers who have any"),
    "bad_format": mark("Records that are no numbers, in per cent"),
    "conflicts": mark("Records that contradict each other"),
    **MORE,
}


@bp.get("/runs/<uuid:run_id>")
@allow("bank:read")
def show(run_id: UUID) -> ResponseReturnValue:
    """A run: its numbers, its gates, and what became of the customers."""
    session = db.session()
    run = qualification.get(session, run_id, by=g.actor)
    outcome = request.args.get("outcome", "")
    outcome = outcome if outcome in OUTCOMES else ""
    number = sought.words()
    page = qualification.outcomes(session, run_id, paging.asked(), by=g.actor, outcome=outcome, external_id=number)
    before = qualification.before(session, run, by=g.actor)
    return page_or_part(
        "bank/show.html",
        "bank/_outcomes.html",
        run=run,
        programme=programmes.get(session, run.programme_id, by=g.actor),
        gates=GATES,
        page=page,
        outcome=outcome,
        number=number,
        before=before,
        became=qualification.compare(session, run.id, before.id, by=g.actor) if before and run.calculated_at else [],
    )


@bp.post("/runs/<uuid:run_id>/search")
@allow("bank:read")
def find(run_id: UUID) -> ResponseReturnValue:
    """The form above the customers."""
    return sought.leads_to(".show", "number", ["outcome"], run_id=run_id)
