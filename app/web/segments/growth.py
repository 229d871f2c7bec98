"""How a segment grew, and who came and went lately, and why."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from app.core.db import db
from app.documents import chart
from app.domain.segments import growth, library
from app.domain.segments.growth import Day
from app.domain.segments.members import REASONS
from app.domain.segments.models import Segment
from app.http.auth import allow
from app.web import paging
from app.web.locale import current_language, show_date
from app.web.render import page_or_part
from app.web.segments.blueprint import bp

SPANS = (30, 90, 365)
SIDES = {"in": True, "out": False}
_BARS = 31  # days; more of them are lines


@bp.get("/<uuid:segment_id>/growth")
@allow("segments:read")
def grown(segment_id: UUID) -> ResponseReturnValue:
    """Its size day by day, and the list of moves for whoever may see contacts."""
    session, by = db.session(), g.actor
    segment = library.get(session, segment_id, by=by)
    side, span = request.args.get("side", ""), request.args.get("days", SPANS[0], type=int)
    values: dict[str, Any] = {
        "segment": segment,
        "actions": library.possible(segment, by=by),
        "span": span if span in SPANS else SPANS[0],
        "spans": SPANS,
        "side": side if side in SIDES else "",
        "reasons": REASONS,
        "page": None,
    }
    if by.may("contacts:read"):
        values["page"] = growth.moves(session, segment, paging.asked(), entered=SIDES.get(side), by=by)
    values |= _drawn(segment, values["span"])
    return page_or_part("segments/growth.html", "segments/_moves.html", tab="growth", **values)


def _drawn(segment: Segment, span: int) -> dict[str, Any]:
    days = growth.by_day(db.session(), segment, span, by=g.actor)
    return {
        "sizes": _sizes(days),
        "moved": _moved(days) if any(one.entered or one.left for one in days) else None,
        "rows": [[show_date(one.day), one.size, one.entered, one.left] for one in days[::-1]],
    }


def _sizes(days: list[Day]) -> Markup:
    series = [chart.Series(_("Contacts in it"), [one.size for one in days])]
    return chart.line(_("Contacts in it"), _names(days), series, locale=current_language())


def _moved(days: list[Day]) -> Markup:
    series = [
        chart.Series(_("Entered"), [one.entered for one in days]),
        chart.Series(_("Left"), [one.left for one in days]),
    ]
    draw = chart.bars if len(days) <= _BARS else chart.line
    return draw(_("Entered and left"), _names(days), series, locale=current_language())


def _names(days: list[Day]) -> list[str]:
    return [_short(one.day) for one in days]


def _short(day: date) -> str:
    return f"{day.day}.{day.month}"
