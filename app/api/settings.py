"""/organisation and /calendars: what the organisation is, and when marketing may go out. A second owner decides on changes."""

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.api.approvals import request_out
from app.core import clock
from app.core.db import db
from app.domain.approvals import settings
from app.domain.approvals.settings import OrganisationInput
from app.domain.calendar import hours
from app.domain.calendar.hours import CalendarInput
from app.domain.calendar.windows import windows_of
from app.http.auth import allow

bp = Blueprint("settings_api", __name__)


@bp.get("/organisation")
@allow("users:read")
def organisation() -> ResponseReturnValue:
    """What the organisation is."""
    return envelope.ok(settings.organisation(db.session()).model_dump(mode="json"))


@bp.patch("/organisation")
@allow("settings:write")
def change_organisation() -> ResponseReturnValue:
    """Ask for a change of it: 202 with the request, 200 when nothing is different."""
    present = settings.organisation(db.session()).model_dump(mode="json")
    new = envelope.patched(OrganisationInput, present)
    proposed = settings.propose_organisation(db.session(), new, by=g.actor)
    return envelope.ok(request_out(proposed), 202) if proposed else envelope.ok(present)


@bp.get("/calendars")
@allow("users:read")
def calendar() -> ResponseReturnValue:
    """The allowed hours, whether they allow marketing now, and when next."""
    windows, now = windows_of(db.session()), clock.now()
    shown = hours.present(db.session()).model_dump(mode="json")
    return envelope.ok(
        {**shown, "zone": windows.zone, "is_open": windows.is_open(now), "next_open": windows.next_open(now)}
    )


@bp.put("/calendars")
@allow("settings:write")
def change_calendar() -> ResponseReturnValue:
    """Ask for other allowed hours: 202 with the request, 200 when nothing is different."""
    proposed = settings.propose_calendar(db.session(), envelope.body(CalendarInput), by=g.actor)
    return envelope.ok(request_out(proposed), 202) if proposed else calendar()
