"""Who waits for a colleague's decision: what one is asked in all flows, or in one flow, and the answer for some at once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import flash, g, make_response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.core.page import Page
from app.domain.flows import deciding, drafts
from app.domain.flows.definition import Step, parse
from app.domain.flows.engine import APPROVED, REJECTED
from app.domain.flows.models import FlowVersion
from app.domain.flows.people import Act
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said, status_of
from app.web import paging
from app.web.flows import drawn, words
from app.web.flows.blueprint import bp
from app.web.render import leave_for, page_or_part


@bp.get("/decisions")
@allow("flows:decide")
def decisions() -> ResponseReturnValue:
    """Whom I am asked about, in all flows."""
    return _page(None)


@bp.get("/<uuid:flow_id>/decisions")
@allow("flows:read")
def decisions_of(flow_id: UUID) -> ResponseReturnValue:
    """Everybody who waits for a decision in one flow, whoever is asked."""
    return _page(flow_id)


@bp.post("/decisions")
@allow("flows:decide")
def answered() -> ResponseReturnValue:
    """Answer for those who were ticked."""
    session, form = db.session(), request.form
    chosen, back = inputs.uuids(form.getlist("run")), next(iter(inputs.uuids([form.get("flow", "")])), None)
    try:
        is_approved = form.get("do") == APPROVED
        number = deciding.decide(
            session, Act(chosen, form.get("reason", ""), g.actor, _seen(form.get("seen", ""))), is_approved=is_approved
        )
    except (Invalid, Conflict) as error:
        session.rollback()
        return _page(back, status_of(error), said(error))
    done = ngettext("Decided about %(num)s person.", "Decided about %(num)s people.", number)
    late = len(chosen) - number
    more = ngettext("%(num)s did not wait any more.", "%(num)s did not wait any more.", late) if late else ""
    flash(f"{done} {more}".strip(), "success")
    return leave_for(url_for(".decisions_of", flow_id=back) if back else url_for(".decisions"))


def _seen(given: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _page(flow_id: UUID | None, status: int = 200, refused: str = "") -> ResponseReturnValue:
    session = db.session()
    page = deciding.waiting(session, paging.asked(), flow_id=flow_id, by=g.actor)
    asked = _questions(page)
    own = [one for one in asked.values() if one["is_mine"]]
    values: dict[str, Any] = {
        "page": page,
        "asked": asked,
        "outcomes": own[0]["outcomes"]
        if own and all(one["outcomes"] == own[0]["outcomes"] for one in own)
        else _plain(),
        "can_decide": bool(own),
        "ticked": set(request.form.getlist("run")),
        "reason": request.form.get("reason", ""),
        "refused": refused,
        "flow": None,
    }
    name = "mine"
    if flow_id:
        values |= drawn.head(drafts.get(session, flow_id, by=g.actor))
        name = "decisions"
    drawn_as = page_or_part(f"flows/{name}.html", "flows/_decisions.html", tab="decisions", **values)
    return make_response(drawn_as, status)


def _questions(page: Page[Any]) -> dict[tuple[UUID, str], dict[str, Any]]:
    """What is asked at each step on the page, by version and step."""
    found: dict[tuple[UUID, str], dict[str, Any]] = {}
    speakers: dict[UUID, words.Speaker] = {}
    for run, _customer, _name, version, *_key in page.items:
        if (version.id, run.step) not in found:
            speaker = speakers.setdefault(version.id, _speaker(version))
            step = speaker.chart.step(run.step)
            found[version.id, run.step] = _question(step) if step else {}
    return found


def _speaker(version: FlowVersion) -> words.Speaker:
    return words.speaker(parse(version.definition))


def _question(step: Step) -> dict[str, Any]:
    role = getattr(step.config, "role", None)
    labels = {branch.key: branch.label for branch in step.branches}
    outcomes = [(key, labels.get(key) or label) for key, label in _plain()]
    question = getattr(step.config, "question", None) or _("May they go on?")
    return {"question": question, "role": words.role(role), "is_mine": role == g.actor.role, "outcomes": outcomes}


def _plain() -> list[tuple[str, str]]:
    return [(APPROVED, _("Approve")), (REJECTED, _("Refuse"))]
