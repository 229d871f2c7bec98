"""/bank/runs/{id}/cohorts: who came, stayed and went, and for how many months running people have qualified."""

from typing import Any
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.bank.blueprint import bp
from app.core.db import db
from app.domain.bank import cohorts, qualification
from app.domain.bank.cohorts import RATES
from app.http.auth import allow


@bp.get("/runs/<uuid:run_id>/cohorts")
@allow("bank:read")
def cohorts_read(run_id: UUID) -> ResponseReturnValue:
    """The month of a run beside the newest one before it; `now` are those who qualified in it, `then` in the one before."""
    session = db.session()
    found = cohorts.of_run(session, qualification.get(session, run_id, by=g.actor), by=g.actor)
    answer: dict[str, Any] = {
        "month_before": {"id": found.before.id, "month": f"{found.before.month:%Y-%m}"} if found.before else None,
        "now": found.now, "then": found.then,
        **{name: getattr(found, name) for name in RATES},
        "rates": {name: {"value": found.rate(name), "of": whole} for name, whole in RATES.items()},
        "cohorts": [
            {
                "months": row.months, "or_more": row.or_more, "now": row.now, "share": found.share(row), "then": row.then,
                "stayed": row.stayed, "retention": row.retention,
            }
            for row in found.rows
        ],
    }  # fmt: skip
    return envelope.ok(answer)
