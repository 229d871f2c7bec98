"""The days of a month, and the runs."""

from datetime import date, timedelta
from uuid import UUID

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core import clock
from app.core.db import db
from app.core.errors import DomainError, Invalid, mark
from app.domain.access.keyring import organisation_of
from app.domain.bank import balances, outcomes, programmes, qualification
from app.domain.bank.balances import month_of
from app.domain.bank.models import BalanceDay
from app.http.auth import allow
from app.web import paging
from app.web.bank.blueprint import bp, sentence
from app.web.render import page_or_part
from app.web.setting_words import RULES


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
        making=balances.unfinished(session, by=g.actor),
        taking=any(_is_open(row) for row in known.values()),
        programmes=listed,
        asks={one.id: programmes.as_input(session, one, by=g.actor) for one in listed},
        names={one.id: one.name for one in listed},
        rules=RULES,
        page=page,
        totals=outcomes.totals_of(session, page.items),
        is_running=first == clock.today(organisation_of(session).timezone).replace(day=1),
        over=balances.is_over(first, organisation_of(session).timezone, clock.now()),
    )


def _is_open(row: BalanceDay) -> bool:
    return row.state in ("queued", "running")


def _month(said: str) -> date:
    """The month of an address, or the last one that is over."""
    if clock.is_day(first := f"{said}-01"):
        return date.fromisoformat(first)
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
        flash(sentence(error), "error")
    return redirect(url_for(".index", month=f"{first:%Y-%m}"), 303)


@bp.post("/runs")
@allow("bank:write")
def start() -> ResponseReturnValue:
    """Calculate a month."""
    month = _month(request.form.get("month", ""))
    try:
        run = qualification.start(db.session(), programme_asked(request.form.get("programme", "")), month, by=g.actor)
    except DomainError as error:
        flash(sentence(error), "error")
        return redirect(url_for(".index", month=f"{month:%Y-%m}"), 303)
    return redirect(url_for(".show", run_id=run.id), 303)


def programme_asked(said: str) -> UUID:
    """The programme of a form or an address. Raises Invalid."""
    try:
        return UUID(said)
    except ValueError:
        raise Invalid(mark("Choose a programme.")) from None
