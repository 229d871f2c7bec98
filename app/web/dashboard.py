"""The first page: what waits for me, how it goes, what is running, where to begin."""

from datetime import date

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from app.core.db import db
from app.core.errors import Invalid
from app.documents import chart
from app.domain.reports import daily, period
from app.domain.reports import dashboard as numbers
from app.domain.reports.daily import Growth, Sending
from app.domain.reports.period import Period
from app.http.auth import allow
from app.web.approvals import review_of
from app.web.locale import current_language, said, show_date
from app.web.render import is_part_wanted

bp = Blueprint("dashboard", __name__)


@bp.get("/")
@allow("")
def index() -> ResponseReturnValue:
    """The dashboard. Its board polls; days and charts are drawn when they are asked for."""
    values: dict[str, object] = {"board": numbers.board(db.session(), by=g.actor), "review_of": review_of}
    if is_part_wanted():
        return render_template("dashboard/_board.html", **values)
    asked = {name: request.args.get(name, "").strip() for name in ("days", "from", "to")}
    chosen, wrong = _period(asked)
    values |= {"period": chosen, "asked": asked, "wrong": wrong, "choices": period.CHOICES, **_drawn(chosen)}
    return render_template("dashboard/index.html", **values), 422 if wrong else 200


def _period(asked: dict[str, str]) -> tuple[Period, dict[str, str]]:
    """What was asked for, or the usual days and what is wrong, by field."""
    zone = g.organisation.timezone
    try:
        return period.read(zone, days=asked["days"], first=asked["from"], last=asked["to"]), {}
    except Invalid as broke:
        return period.usual(zone), {issue.field: said(issue.message, **(issue.values or {})) for issue in broke.details}


def _drawn(chosen: Period) -> dict[str, object]:
    session, by = db.session(), g.actor
    sending = daily.sending(session, chosen, by=by) if by.may("messages:read") else None
    growth = daily.growth(session, chosen, by=by) if by.may("contacts:read") else None
    return {
        "period_said": Markup(" – ").join([show_date(chosen.first), show_date(chosen.last)]),
        "sending": sending,
        "sending_chart": sending and sending.whole.handed_over and _sending(sending),
        "sending_rows": sending
        and [[show_date(day), one.handed_over, one.delivered, one.opened] for day, one in sending.days],
        "growth": growth,
        "counted_at": min((one.at for one in (sending, growth) if one), default=None),
        "growth_chart": growth and growth.came and _growth(growth),
        "growth_rows": growth and [[show_date(day), number] for day, number in growth.new],
    }


def _sending(sending: Sending) -> Markup:
    days = sending.days
    series = [
        chart.Series(_("Handed over"), [one.handed_over for _day, one in days]),
        chart.Series(_("Delivered"), [one.delivered for _day, one in days]),
        chart.Series(_("Opened"), [one.opened or 0 for _day, one in days]),
    ]
    draw = chart.line if len(days) > 31 else chart.bars
    return draw(_("Messages a day"), [_short(day) for day, _one in days], series, locale=current_language())


def _growth(growth: Growth) -> Markup:
    series = [chart.Series(_("New contacts"), [number for _day, number in growth.new])]
    title = _("New contacts a week") if growth.step > 1 else _("New contacts a day")
    return chart.bars(title, [_short(day) for day, _number in growth.new], series, locale=current_language())


def _short(day: date) -> str:
    """As day and month: the year stands above the chart."""
    return f"{day.day}.{day.month}"
