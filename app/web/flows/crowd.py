"""A rehearsal with everybody: the draft, drawn with how many would come to each step and go each way. It is counted in parts."""

from typing import Any
from uuid import UUID

from flask import g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import DomainError, Invalid
from app.domain.flows import drafts, rehearsal
from app.domain.flows.definition import parse
from app.domain.flows.models import Flow
from app.domain.flows.rehearsal import Part
from app.domain.segments import library as segments
from app.http.auth import allow
from app.http.errors import said
from app.web import reasons
from app.web.flows import drawn
from app.web.flows.blueprint import bp
from app.web.render import is_part_wanted

WHOLE = 20.0  # seconds for a page without script, which cannot ask for part after part


@bp.get("/<uuid:flow_id>/rehearsal/everybody")
@allow("flows:read")
def everybody(flow_id: UUID) -> ResponseReturnValue:
    """The page, and part after part of its numbers: `?first=` is the step to go on with."""
    session = db.session()
    flow = drafts.get(session, flow_id, by=g.actor)
    given = request.args.get("first", "")
    first = int(given) if given.isdecimal() and len(given) < 4 else 0
    values: dict[str, Any] = {"flow": flow, "part": None, "trouble": "", "falls": reasons.falls, "go_on": ""}
    try:
        if is_part_wanted() or request.args.get("whole"):
            seconds = 1.0 if is_part_wanted() else WHOLE
            values["part"] = rehearsal.some(session, flow, first=first, seconds=seconds, by=g.actor)
        values |= _next(flow, values["part"])
    except DomainError as error:
        values["trouble"] = _wrong(error)
    if is_part_wanted():
        return render_template("flows/_crowd.html", oob=True, **values)
    counted = {one.step.id: one for one in values["part"].shares} if values["part"] else {}
    values |= {**drawn.head(flow), **drawn.canvas(parse(flow.definition)), "crowd": counted}
    return render_template("flows/everybody.html", tab="rehearsal", about=_about(flow), **values)


def _next(flow: Flow, part: Part | None) -> dict[str, str]:
    done = part.done if part else 0
    return {"go_on": "" if part and done >= part.steps else url_for(".everybody", flow_id=flow.id, first=done)}


def _wrong(error: DomainError) -> str:
    if isinstance(error, Invalid):
        return str(_("The draft cannot run yet: set up first what is marked in the editor."))
    return said(error)


def _about(flow: Flow) -> str:
    """Of whom it is: what the shares are shares of."""
    segment_id = rehearsal.begins_with(flow)
    if segment_id is None:
        return str(_("Of all contacts as they are today."))
    name = segments.names(db.session(), by=g.actor).get(segment_id, "?")
    return str(_("Of everybody who is in “%(name)s” today.", name=name))
