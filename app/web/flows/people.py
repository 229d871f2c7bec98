"""The people in a flow: who is where, who failed, what happened to one, and what staff do with some of them."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import flash, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.core.db import db
from app.core.errors import Conflict, DomainError, Invalid, mark
from app.domain.access.keyring import organisation_of
from app.domain.flows import drafts, dry_run, log, people
from app.domain.flows.definition import Flowchart, parse
from app.domain.flows.people import Act, Wanted
from app.domain.messages import masked_recipients
from app.domain.segments import explain
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said, status_of
from app.web import paging
from app.web.flows import drawn, words
from app.web.flows.blueprint import bp
from app.web.render import leave_for, page_or_part
from app.web.segments import shown as segments

STATES = ("active", "failed", "finished", "left")


@bp.get("/<uuid:flow_id>/people")
@allow("flows:read")
def inside(flow_id: UUID) -> ResponseReturnValue:
    """Who is in it; by state and step."""
    return _inside(flow_id)


def _inside(flow_id: UUID, status: int = 200, refused: str = "") -> ResponseReturnValue:
    session = db.session()
    flow = drafts.get(session, flow_id, by=g.actor)
    head = drawn.head(flow)
    chart = parse(head["version"].definition if head["version"] else flow.definition)
    speaker = words.speaker(chart)
    wanted = Wanted(state=request.args.get("state", ""), step=request.args.get("step", ""))
    page = people.listed(session, flow_id, paging.asked(), wanted, by=g.actor)
    part = page_or_part(
        "flows/people.html",
        "flows/_people.html",
        tab="people",
        page=page,
        states=STATES,
        steps=[(one.id, speaker.step(one)[0]) for one in chart.steps()],
        called=speaker.name_of,
        **_asked(refused),
        **head,
    )
    return make_response(part, status)


def _asked(refused: str) -> dict[str, Any]:
    """What was asked for and refused, so that nothing has to be typed again."""
    form = request.form
    return {"refused": refused, "ticked": form.getlist("run"), "reason": form.get("reason", ""), "to": form.get("step")}


@bp.get("/<uuid:flow_id>/people/<uuid:run_id>")
@allow("flows:read")
def one_of_them(flow_id: UUID, run_id: UUID) -> ResponseReturnValue:
    """What happened to one of them, and why."""
    return _person(flow_id, run_id)


def _person(flow_id: UUID, run_id: UUID, status: int = 200, refused: str = "") -> ResponseReturnValue:
    session = db.session()
    flow = drafts.get(session, flow_id, by=g.actor)
    run = people.get(session, run_id, by=g.actor)
    chart = _chart(flow, run.version_id)
    speaker = words.speaker(chart)
    found = log.of_run(session, run_id, by=g.actor)
    lines = [(one, segments.spoken(one.said), speaker.name_of(one.step) if one.step else "") for one in found]
    steps = [(one.id, speaker.step(one)[0]) for one in chart.steps()]
    broke = next((one for one in reversed(found) if one.kind in ("failed", "retried")), None) if run.failure else None
    who = masked_recipients.of(session, [run.contact_id]).get(run.contact_id, masked_recipients.NOBODY)
    values = {
        "run": run,
        "who": who,
        "lines": lines,
        "steps": steps,
        "here": speaker.name_of(run.step) if run.step else "",
    }
    values["failure"] = segments.spoken(log.reason(broke.why)) if broke else ""
    page = render_template("flows/person.html", tab="people", **values, **_asked(refused), **drawn.head(flow))
    return make_response(page, status)


def _chart(flow: Any, version_id: UUID) -> Flowchart:
    found = next((one for one in drafts.versions(db.session(), flow) if one.id == version_id), None)
    return parse(found.definition if found else flow.definition)


@bp.post("/<uuid:flow_id>/people")
@allow("flows:people")
def done_with(flow_id: UUID) -> ResponseReturnValue:
    """Try again, pass on, move or take out those who were chosen."""
    session, form = db.session(), request.form
    act = Act(inputs.uuids(form.getlist("run")), form.get("reason", ""), g.actor)
    back = next(iter(inputs.uuids([form.get("back", "")])), None)
    try:
        if form.get("do") == "move":
            number = people.move(session, flow_id, form.get("step", ""), act)
        else:
            verbs = {"skip": people.skip, "take_out": people.take_out}
            number = verbs.get(form.get("do", ""), people.retry)(session, flow_id, act)
    except (Invalid, Conflict) as error:
        session.rollback()
        why = " ".join(said(one) for one in error.details or (error,))
        return _person(flow_id, back, status_of(error), why) if back else _inside(flow_id, status_of(error), why)
    if number:
        flash(ngettext("Done for %(num)s person.", "Done for %(num)s people.", number), "success")
    else:
        flash(_("Nothing was done: it fits none of the people you chose."), "warning")
    return leave_for(
        url_for(".one_of_them", flow_id=flow_id, run_id=back)
        if back
        else url_for(".inside", flow_id=flow_id, state=request.args.get("state"), step=request.args.get("step"))
    )


@bp.get("/<uuid:flow_id>/rehearsal")
@allow("flows:read")
def rehearse(flow_id: UUID) -> ResponseReturnValue:
    """Ask for a dry run."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    return render_template(
        "flows/rehearsal.html", tab="rehearsal", path=None, asked={}, trouble="", **drawn.head(flow), waits=_waits(flow)
    )


def _waits(flow: Any) -> list[tuple[str, str]]:
    """The steps of the draft where something may happen or not."""
    chart = parse(flow.definition)
    speaker = words.speaker(chart)
    return [(one.id, speaker.step(one)[0]) for one in chart.steps() if one.type in ("wait_for", "goal", "review")]


@bp.post("/<uuid:flow_id>/rehearsal")
@allow("contacts:read")
def rehearsed(flow_id: UUID) -> ResponseReturnValue:
    """The way of one contact through the draft; nothing is done."""
    session, asked = db.session(), request.form
    flow = drafts.get(session, flow_id, by=g.actor)
    values: dict[str, Any] = {"path": None, "asked": asked, "trouble": "", "waits": _waits(flow)}
    try:
        contact = explain.find(session, asked.get("contact", ""), by=g.actor)
        happens = {step: bool(asked.get(f"happens.{step}")) for step, _title in values["waits"]}
        path = dry_run.one(session, flow, contact, at=_moment(asked.get("at", "")), happens=happens, by=g.actor)
        speaker = words.speaker(parse(flow.definition))
        values |= {"path": path, "stops": [(one, speaker.step(one.step), _way(one)) for one in path.stops]}
    except DomainError as error:
        values["trouble"] = " ".join([said(error), *(said(issue) for issue in error.details)])
    return render_template("flows/rehearsal.html", tab="rehearsal", **values, **drawn.head(flow))


def _moment(given: str) -> datetime | None:
    """A moment of the bank's clock. Raises Invalid."""
    if not given:
        return None
    try:
        return datetime.fromisoformat(given).replace(tzinfo=ZoneInfo(organisation_of(db.session()).timezone))
    except ValueError:
        raise Invalid.field("at", mark("Choose a date and a time.")) from None


def _way(stop: dry_run.Stop) -> str:
    """By which branch he goes on."""
    branch = next((one for one in stop.step.branches if one.key == stop.port), None)
    return words.branch(branch.key, branch.label) if branch else ""
