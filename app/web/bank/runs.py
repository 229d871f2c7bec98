"""A run: its numbers, its gates, what became of the customers, and the verbs of its life."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateTimeLocalField
from wtforms.validators import InputRequired

from app.core import i18n
from app.core.db import db
from app.core.errors import Conflict, Invalid, mark
from app.domain.access import users
from app.domain.access.keyring import organisation_of
from app.domain.approvals import decisions
from app.domain.bank import figures, outcomes, planned, programmes, qualification, release, review, sample, stream
from app.domain.bank.gates import bound
from app.domain.bank.models import OUTCOMES, QualificationRun
from app.domain.bank.outcomes import SHOWN, Wanted
from app.domain.bank.stream import Since
from app.domain.reports.words import GATE as GATES
from app.http import inputs
from app.http.auth import allow
from app.web import filters, moments, paging, reasons, sought
from app.web.approvals import asked
from app.web.bank.blueprint import bp, stays
from app.web.locale import current_language
from app.web.render import is_part_wanted, leave_for, page_or_part


class PlanForm(FlaskForm):  # type: ignore[misc]
    """When it is released, in the organisation's time."""

    at = DateTimeLocalField(_l("Date and time"), [InputRequired()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


LIST = "bank.outcomes"  # as saved filters call it
WHICH = {
    "overridden": mark("Overridden by a person"),
    "near": mark("Missed by one day"),
    "gained": mark("New: not qualified the month before"),
    "dropped": mark("Dropped: qualified the month before"),
}


EVENTS = {
    "balances.verified": mark("Balances of a day verified"),
    "qualification.calculated": mark("Month calculated"),
    "qualification.approved": mark("Month approved"),
    "qualification.released": mark("Month released"),
    "notification.sent": mark("Message sent"),
    "delivery.confirmed": mark("Delivery confirmed"),
    "delivery.failed": mark("Delivery failed"),
    "qualification.completed": mark("Month completed"),
}


def gate_limit(gate: Mapping[str, Any]) -> str:
    """What has to be at least, or may be at most, by a gate."""
    number = i18n.number(gate["limit"], current_language())
    is_least = bound(gate["code"]) == "least"
    return str(_("at least %(number)s", number=number) if is_least else _("at most %(number)s", number=number))


@bp.get("/runs/<uuid:run_id>")
@allow("bank:read")
def show(run_id: UUID) -> ResponseReturnValue:
    """A run: its numbers, its gates, and what became of the customers."""
    run = qualification.get(db.session(), run_id, by=g.actor)
    if request.headers.get("X-Poll") and run.state != "queued":
        return make_response("", 200, {"HX-Refresh": "true"})
    if is_part_wanted():
        return render_template("bank/_outcomes.html", **_customers(run))
    return filters.opened(LIST) or render_template("bank/show.html", **_customers(run), **_around(run))


def _customers(run: QualificationRun) -> dict[str, object]:
    outcome, which = request.args.get("outcome", ""), request.args.get("which", "")
    wanted = Wanted(outcome if outcome in OUTCOMES else "", sought.words(), which if which in SHOWN else "")
    page = outcomes.listed(db.session(), run.id, paging.asked(), wanted, by=g.actor)
    return {"run": run, "page": page, "wanted": wanted, "which_words": WHICH, **filters.above(LIST)}


def _around(run: QualificationRun) -> dict[str, object]:
    session = db.session()
    before = qualification.before(session, run, by=g.actor)
    is_made = run.calculated_at is not None
    approval = decisions.get(session, run.approval_id) if run.approval_id else None
    drawn = sample.of_run(session, run.id, by=g.actor) if is_made else []
    people = {one.drawn.checked_by for one in drawn} | ({approval.decided_by} if approval else set()) | {run.planned_by}
    return {
        "programme": programmes.get(session, run.programme_id, by=g.actor),
        "asked": programmes.version_of(session, run, by=g.actor),
        "totals": outcomes.totals(session, run) if is_made else {},
        "gates": GATES,
        "earlier": figures.month_before(session, run, by=g.actor) if is_made else None,
        "before": before,
        "became": outcomes.compare(session, run.id, before.id, by=g.actor) if before and is_made else [],
        "sample": drawn,
        "verbs": review.possible(session, run, by=g.actor),
        "approval": approval,
        "resuming": decisions.open_request(session, (release.RESUME, run.id)),
        "names": users.names(session, [one for one in people if one]),
        **told(run),
    }


@bp.get("/runs/<uuid:run_id>/events")
@allow("bank:read")
def events(run_id: UUID) -> ResponseReturnValue:
    """What happened in the month, the newest first; systems outside read the same the other way round."""
    session, run = db.session(), qualification.get(db.session(), run_id, by=g.actor)
    kind = request.args.get("type", "")
    wanted = Since(kind if kind in EVENTS else "")
    page = stream.listed(session, run_id, paging.asked(), wanted, descending=True, by=g.actor)
    programme = programmes.get(session, run.programme_id, by=g.actor)
    values = {"run": run, "programme": programme, "page": page, "kind": kind, "words": EVENTS}
    return page_or_part("bank/events.html", "bank/_events.html", **values)


@bp.get("/runs/<uuid:run_id>/falls")
@allow("bank:read")
def falls(run_id: UUID) -> ResponseReturnValue:
    """From those who qualified to those who will be told; worked out when it is looked at."""
    session, run = db.session(), qualification.get(db.session(), run_id, by=g.actor)
    message_class = review.class_of(session, run)
    rows = reasons.falls(review.falls(session, run, message_class)) if message_class else []
    return render_template("bank/_falls.html", run=run, rows=rows, message_class=message_class)


@bp.get("/runs/<uuid:run_id>/told")
@allow("bank:read")
def told_state(run_id: UUID) -> ResponseReturnValue:
    """How far the telling is; polled."""
    run = qualification.get(db.session(), run_id, by=g.actor)
    if request.args.get("was") != told(run)["now"]:
        return make_response("", 200, {"HX-Refresh": "true"})
    return render_template("bank/_told.html", run=run, **told(run))


def told(run: QualificationRun) -> dict[str, object]:
    """The numbers of a release, and what it waits for."""
    now = "planned" if run.state == "approved" and run.planned_for else run.state
    if not run.released_at:
        return {"now": now, "whole": None}
    session, whole = db.session(), release.numbers(db.session(), run, by=g.actor)
    return {"now": now, "whole": whole, "to_tell": release.to_tell(session, run, whole, by=g.actor)}


@bp.post("/runs/<uuid:run_id>/search")
@allow("bank:read")
def find(run_id: UUID) -> ResponseReturnValue:
    """The form above the customers."""
    return sought.leads_to(".show", "number", ["outcome", "which", "all"], run_id=run_id)


@bp.post("/runs/<uuid:run_id>/withdraw")
@allow("bank:write")
@stays
def withdraw(run_id: UUID) -> ResponseReturnValue:
    """Take it back from its decision, or its release."""
    return _moved(review.withdraw, run_id, _("It is under review again."))


@bp.post("/runs/<uuid:run_id>/release")
@allow("bank:release")
@stays
def let_go(run_id: UUID) -> ResponseReturnValue:
    """Tell those who qualified."""
    return _moved(release.release, run_id, _("Released. The messages are being made; this page follows."))


@bp.get("/runs/<uuid:run_id>/plan")
@allow("bank:release")
def plan(run_id: UUID) -> ResponseReturnValue:
    """The form of a later release."""
    planned_for = qualification.get(db.session(), run_id, by=g.actor).planned_for
    return _plan_page(run_id, PlanForm(formdata=None, at=moments.local(planned_for) if planned_for else None))


@bp.post("/runs/<uuid:run_id>/plan")
@allow("bank:release")
def plan_it(run_id: UUID) -> ResponseReturnValue:
    """Release it at the moment that was chosen."""
    form = PlanForm()
    if form.validate():
        try:
            planned.plan(db.session(), run_id, moments.utc(form.at.data, "at"), by=g.actor)
        except (Invalid, Conflict) as error:
            inputs.onto(form, error)
        else:
            flash(_("Planned. It begins by itself, and anybody who may stop a release may call it off."), "success")
            return leave_for(url_for(".show", run_id=run_id))
    return _plan_page(run_id, form, 422)


def _plan_page(run_id: UUID, form: PlanForm, status: int = 200) -> ResponseReturnValue:
    session = db.session()
    run = qualification.get(session, run_id, by=g.actor)
    programme = programmes.get(session, run.programme_id, by=g.actor)
    values = {"run": run, "programme": programme, "form": form, "zone": organisation_of(session).timezone}
    return make_response(render_template("bank/plan.html", **values), status)


@bp.post("/runs/<uuid:run_id>/call-off")
@allow("bank:stop")
@stays
def call_off(run_id: UUID) -> ResponseReturnValue:
    """Let the planned release not begin."""
    return _moved(planned.call_off, run_id, _("The planned release is called off."))


@bp.post("/runs/<uuid:run_id>/pause")
@allow("bank:stop")
@stays
def pause(run_id: UUID) -> ResponseReturnValue:
    """Stop telling for now."""
    return _moved(release.pause, run_id, _("Paused. What is on the wire still arrives."))


@bp.post("/runs/<uuid:run_id>/resume")
@allow("bank:stop")
@stays
def resume(run_id: UUID) -> ResponseReturnValue:
    """Ask for it to go on; another person decides."""
    return leave_for(asked(release.propose_resume(db.session(), run_id, by=g.actor)))


def _moved(verb: Callable[..., QualificationRun], run_id: UUID, words: str) -> ResponseReturnValue:
    verb(db.session(), run_id, by=g.actor)
    flash(words, "success")
    return redirect(url_for(".show", run_id=run_id), 303)
