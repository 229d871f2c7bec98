"""The forecast of the month that runs: by standing, with who is nearest to the threshold first."""

from typing import Any

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from app.core import clock
from app.core.db import db
from app.core.errors import mark
from app.domain.access.keyring import organisation_of
from app.domain.bank import forecast, programmes
from app.domain.bank.forecast import STANDINGS
from app.http.auth import allow
from app.web import paging
from app.web.bank.blueprint import bp
from app.web.bank.month import programme_asked
from app.web.render import is_part_wanted, page_or_part

WORDS = {
    "on_track": mark("On track"),
    "at_risk": mark("At risk"),
    "lost": mark("Lost"),
    "unknown": mark("Nothing told yet"),
}
MEANINGS = {
    "on_track": mark("Every day that is known was at the threshold or above, the latest with five per cent to spare."),
    "at_risk": mark(
        "Not lost, but the latest day was less than five per cent above the threshold, or days are missing or were below."
    ),
    "lost": mark("Whatever comes, this month will not qualify. The amount is what was missing on the worst day."),
    "unknown": mark("No balance of this month has been told."),
}


@bp.get("/forecast")
@allow("bank:read")
def forecast_page() -> ResponseReturnValue:
    """The forecast of a programme, and the customers of one standing; worked out when the page is there, or `now`."""
    session, chosen = db.session(), request.args.get("programme", "")
    programme = programmes.get(session, programme_asked(chosen), by=g.actor) if chosen else None
    today = clock.today(organisation_of(session).timezone)
    values: dict[str, Any] = {"programme": programme, "month": today.replace(day=1)}
    values["programmes"] = programmes.listed(session, by=g.actor)
    if programme is None or not (is_part_wanted() or "now" in request.args):
        return render_template("bank/forecast.html", found=None, **values)
    standing = request.args.get("standing", "")
    standing = standing if standing in STANDINGS else "lost"
    return page_or_part(
        "bank/forecast.html",
        "bank/_forecast.html",
        found=forecast.read(session, programme.id, by=g.actor),
        standing=standing,
        page=forecast.listed(session, programme.id, standing, paging.asked(), by=g.actor),
        words=WORDS,
        meanings=MEANINGS,
        **values,
    )
