"""/dashboard: the numbers of the first page; what the caller may not see is null."""

from typing import Any

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.flows.deciding import question_out
from app.core.db import db
from app.domain.access.keyring import organisation_of
from app.domain.bank.models import QualificationRun
from app.domain.messages.totals import as_plain
from app.domain.reports import daily, dashboard, period
from app.http.auth import allow

bp = Blueprint("dashboard_api", __name__, url_prefix="/dashboard")


@bp.get("")
@allow("")
@envelope.asks("days", "from", "to")
def show() -> ResponseReturnValue:
    """The last 14 days, or `days`, or `from` and `to`; a message counts on the day it was handed over. Counted once a minute."""
    session, by = db.session(), g.actor
    asked = {name: request.args.get(name, "").strip() for name in ("days", "from", "to")}
    zone = organisation_of(session).timezone
    chosen = period.read(zone, days=asked["days"], first=asked["from"], last=asked["to"])
    sending = daily.sending(session, chosen, by=by) if by.may("messages:read") else None
    growth = daily.growth(session, chosen, by=by) if by.may("contacts:read") else None
    board = dashboard.board(session, by=by)
    return envelope.ok(
        {
            "from": chosen.first.isoformat(),
            "to": chosen.last.isoformat(),
            "timezone": chosen.zone,
            "messages": sending and {
                "counted_at": sending.at,
                "days": [
                    {"day": day.isoformat(), "handed_over": one.handed_over, "delivered": one.delivered, "opened": one.opened}
                    for day, one in sending.days
                ],
                "totals": as_plain(sending.whole),
                "followed": as_plain(sending.followed),
            },
            "contacts": growth and {
                "counted_at": growth.at,
                "total": growth.contacts,
                "new": [{"from": day.isoformat(), "days": growth.step, "number": number} for day, number in growth.new],
            },
            "waiting": {
                "approvals": board.waiting, "in_doubt": board.in_doubt, "replies": board.replies,
                "failed_imports": board.failed_imports, "failures": board.failures,
                "renewals": [{"id": flow.id, "name": flow.name, "by": until} for flow, until in board.renewals],
                "questions": [question_out(one) for one in board.questions],
                "months": [_month(run, name) for run, name in board.months],
            },
            "running": [
                {"id": campaign.id, "name": campaign.name, "state": campaign.state, "done": one.done, "to_send": one.to_send}
                for campaign, one in board.running
            ],
        }
    )  # fmt: skip


def _month(run: QualificationRun, name: str) -> dict[str, Any]:
    return {"run": run.id, "programme": name, "month": f"{run.month:%Y-%m}", "state": run.state}
