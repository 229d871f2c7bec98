"""One customer's month in a run: why, the days as a strip, a chart and a table, and the customers beside him."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from app.core.db import db
from app.core.errors import Phrase, mark
from app.documents import chart
from app.domain.bank import days, outcomes, programmes
from app.domain.bank.days import CustomerMonth
from app.domain.bank.models import OUTCOMES
from app.http.auth import allow
from app.web.bank.blueprint import bp
from app.web.locale import current_language, said, show_date, show_number

# What a day was: its word and its sign, so that it does not hang on a colour.
VERDICTS = {
    "held": (mark("At the threshold or above"), "circle-check"),
    "below": (mark("Below the threshold"), "circle-x"),
    "missing": (mark("No value"), "circle-dashed"),
    "exempt": (mark("Does not count"), "circle-minus"),
}
ISSUES = {
    "missing": mark("No record came"),
    "bad_format": mark("The amount was no number"),
    "duplicate": mark("The record came twice"),
    "conflict": mark("Two records contradicted each other"),
    "wrong_currency": mark("Another currency"),
    "wrong_day": mark("A day that cannot be"),
}
SOURCES = {"core_bank": mark("Core bank")}


@bp.get("/runs/<uuid:run_id>/customers/<uuid:contact_id>")
@allow("bank:read")
def customer(run_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """One customer's month."""
    session = db.session()
    month = days.of_customer(session, run_id, contact_id, by=g.actor)
    outcome = request.args.get("outcome", "")
    outcome = outcome if outcome in OUTCOMES else ""
    before, after = days.beside(session, month, outcome=outcome, by=g.actor)
    return render_template(
        "bank/customer.html",
        month=month,
        run=month.run,
        programme=programmes.get(session, month.run.programme_id, by=g.actor),
        why=spelt(month.why),
        chart=_drawn(month),
        verdicts=VERDICTS,
        issues=ISSUES,
        sources=SOURCES,
        outcome=outcome,
        beside=(before, after),
        judged=outcomes.one(session, run_id, contact_id, by=g.actor),
        months=days.months_beside(session, month, by=g.actor),
    )


def spelt(phrase: Phrase) -> Markup:
    """A sentence in the reader's language, its days and amounts in his spelling."""
    return said(phrase.message, **{name: _spelt(value) for name, value in (phrase.values or {}).items()})


def _spelt(value: object) -> object:
    if isinstance(value, Decimal):
        return show_number(value, 2)
    return show_date(value) if isinstance(value, date) else value


def _drawn(month: CustomerMonth) -> Markup:
    series = [
        chart.Series(_("Balance"), [one.amount for one in month.days]),
        chart.Series(_("Threshold"), [month.version.threshold for _one in month.days]),
    ]
    names = [str(one.day.day) for one in month.days]
    return chart.line(_("Balance of every day"), names, series, locale=current_language())
