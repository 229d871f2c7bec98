"""Qualification in the browser: the days of a month, programmes, runs, and what became of whom."""

from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DecimalField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Optional

from app.core import clock
from app.core.db import db
from app.core.errors import DomainError, Invalid, mark
from app.domain.access.keyring import organisation_of
from app.domain.bank import balances, programmes, qualification
from app.domain.bank.balances import month_of
from app.domain.bank.models import OUTCOMES, BalanceDay, Programme
from app.domain.bank.programmes import ProgrammeInput
from app.http import errors, inputs
from app.http.auth import allow
from app.web import paging, sought
from app.web.approvals import asked
from app.web.render import leave_for, page_or_part

bp = Blueprint("bank", __name__, url_prefix="/bank")
RULES = {
    "every": mark("Every day"),
    "at_least": mark("At least so many days"),
    "average": mark("The average of all days"),
}
CALENDARS = {
    "value": mark("Every day needs a value"),
    "carry": mark("A value holds for some days after it"),
    "exempt": mark("Holidays do not count"),
}
GATES = {
    "days_complete": mark("Days that have been taken"),
    "coverage": mark("Days with a value, in per cent, of customers who have any"),
    "bad_format": mark("Records that are no numbers, in per cent"),
    "conflicts": mark("Records that contradict each other"),
}


class ProgrammeForm(FlaskForm):  # type: ignore[misc]
    """What a programme asks for."""

    name = StringField(_l("Name"), [InputRequired()])
    threshold = DecimalField(_l("Threshold"), [InputRequired()], places=2)
    currency = StringField(_l("Currency"), [InputRequired()])
    rule = SelectField(_l("Rule"))
    days = IntegerField(_l("Days"), [Optional()])
    calendar = SelectField(_l("Days without a value"))
    carry_days = IntegerField(_l("Days a value is carried"), [Optional()])


def _form(**values: object) -> ProgrammeForm:
    form = ProgrammeForm(**values)
    form.rule.choices = [(key, _(word)) for key, word in RULES.items()]
    form.calendar.choices = [(key, _(word)) for key, word in CALENDARS.items()]
    return form


def _command(form: ProgrammeForm) -> ProgrammeInput:
    """The form as the command of the page and the API. Raises Invalid."""
    names = ("name", "threshold", "currency", "rule", "days", "calendar")
    values = {name: getattr(form, name).data for name in names}
    return inputs.read(ProgrammeInput, {**values, "carry_days": form.carry_days.data or 0})


@bp.get("")
@allow("bank:read")
def index() -> ResponseReturnValue:
    """The programmes, the days of a month and the runs; it polls while something is on its way."""
    session, month = db.session(), _month(request.args.get("month", ""))
    first, after = month_of(month)
    known = {row.day: row for row in balances.listed(session, first, after - timedelta(days=1), by=g.actor)}
    page = qualification.listed(session, paging.asked(), by=g.actor)
    listed = programmes.listed(session, by=g.actor)
    return page_or_part(
        "bank/index.html",
        "bank/_month.html",
        month=first,
        earlier=first - timedelta(days=1),
        later=after,
        days=[(first + timedelta(days=n), known.get(first + timedelta(days=n))) for n in range((after - first).days)],
        taking=any(_is_open(row) for row in known.values()),
        programmes=listed,
        asks={one.id: programmes.as_input(session, one, by=g.actor) for one in listed},
        names={one.id: one.name for one in listed},
        rules=RULES,
        page=page,
        over=balances.is_over(first, organisation_of(session).timezone, clock.now()),
    )


def _is_open(row: BalanceDay) -> bool:
    return row.state in ("queued", "running")


def _month(said: str) -> date:
    """The month of an address, or the last one that is over."""
    try:
        return date.fromisoformat(f"{said}-01")
    except ValueError:
        today = clock.today(organisation_of(db.session()).timezone)
        return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


@bp.post("/balances")
@allow("bank:write")
def take() -> ResponseReturnValue:
    """Take the balances of a month, again where they were taken."""
    session, (first, after) = db.session(), month_of(_month(request.form.get("month", "")))
    try:
        balances.ask(session, first, min(after - timedelta(days=1), balances.latest(session)), by=g.actor)
        flash(_("The balances are being taken. This page follows."), "success")
    except Invalid as error:
        flash(_sentence(error), "error")
    return redirect(url_for(".index", month=f"{first:%Y-%m}"), 303)


@bp.post("/runs")
@allow("bank:write")
def start() -> ResponseReturnValue:
    """Calculate a month."""
    month = _month(request.form.get("month", ""))
    try:
        run = qualification.start(db.session(), _uuid(request.form.get("programme", "")), month, by=g.actor)
    except DomainError as error:
        flash(_sentence(error), "error")
        return redirect(url_for(".index", month=f"{month:%Y-%m}"), 303)
    return redirect(url_for(".show", run_id=run.id), 303)


def _sentence(error: DomainError) -> str:
    return errors.said(error.details[0] if error.details else error)


def _uuid(said: str) -> UUID:
    try:
        return UUID(said)
    except ValueError:
        raise Invalid(mark("Choose a programme.")) from None


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


@bp.get("/programmes/new")
@allow("bank:write")
def new() -> ResponseReturnValue:
    """The form of a new programme."""
    form = _form(
        threshold=ProgrammeInput.model_fields["threshold"].default, currency=organisation_of(db.session()).currency
    )
    return render_template("bank/programme.html", form=form, programme=None)


@bp.post("/programmes/new")
@allow("bank:write")
def create() -> ResponseReturnValue:
    """Ask a second person for a programme."""
    return _propose(None)


@bp.get("/programmes/<uuid:programme_id>/edit")
@allow("bank:write")
def edit(programme_id: UUID) -> ResponseReturnValue:
    """The form of a programme's next version."""
    programme = programmes.get(db.session(), programme_id, by=g.actor)
    form = _form(**programmes.as_input(db.session(), programme, by=g.actor).model_dump())
    return render_template("bank/programme.html", form=form, programme=programme)


@bp.post("/programmes/<uuid:programme_id>/edit")
@allow("bank:write")
def change(programme_id: UUID) -> ResponseReturnValue:
    """Ask a second person for another version."""
    return _propose(programmes.get(db.session(), programme_id, by=g.actor))


def _propose(programme: Programme | None) -> ResponseReturnValue:
    form = _form()
    if inputs.validate(form, lambda: _command(form)):
        try:
            proposed = programmes.propose(db.session(), _command(form), programme.id if programme else None, by=g.actor)
            return leave_for(asked(proposed))
        except Invalid as error:
            inputs.onto(form, error)
    return render_template("bank/programme.html", form=form, programme=programme), 422
