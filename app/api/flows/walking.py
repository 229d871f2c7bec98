"""/flows: who is put in, how somebody would walk, the people in it, the numbers."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import g
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from pydantic import AwareDatetime

from app.api import envelope
from app.api.flows.blueprint import bp
from app.core.db import db
from app.core.page import Page
from app.domain.flows import (
    by_hand,
    drafts,
    dry_run,
    log,
    people,
    rehearsal,
    results,
)
from app.domain.flows.by_hand import Wanted
from app.domain.flows.models import FlowRun
from app.domain.segments import saying
from app.http.auth import allow
from app.http.inputs import Strict


class DryRun(Strict):
    """Who walks, from when on, and what happens at the steps that wait for something."""

    contact: UUID
    clock: AwareDatetime | None = None
    happens: dict[str, bool] = {}


class People(Strict):
    """Some people in a flow, and why something is done with them. `step` is where they are moved to."""

    runs: list[UUID]
    reason: str
    step: str = ""


@bp.post("/<uuid:flow_id>/trigger")
@envelope.once("flows:start")
def trigger(flow_id: UUID) -> ResponseReturnValue:
    """Put people into a flow that begins so; how many entered."""
    return envelope.ok({"entered": by_hand.put_in(db.session(), flow_id, envelope.body(Wanted), by=g.actor)}, 202)


@bp.post("/<uuid:flow_id>/trigger/preview")
@envelope.once("flows:start")
def trigger_preview(flow_id: UUID) -> ResponseReturnValue:
    """Who of them would enter now, why others would not, and what names nobody or several; nobody is put in."""
    look = by_hand.look(db.session(), flow_id, envelope.body(Wanted), by=g.actor)
    found = {"would_enter": look.enter, "verdicts": look.verdicts, "unknown": look.unknown, "shared": look.shared}
    return envelope.ok({**found, "contacts": look.ids, "judged": look.judged})


@bp.post("/<uuid:flow_id>/dry-run")
@envelope.once("flows:read")
def walk(flow_id: UUID) -> ResponseReturnValue:
    """The way of one contact through the draft, without doing anything."""
    asked = envelope.body(DryRun)
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    path = dry_run.one(db.session(), flow, asked.contact, at=asked.clock, happens=asked.happens, by=g.actor)
    return envelope.ok({"path": [_stop(one) for one in path.stops], "ends": path.ends, "timezone": path.zone})


def _stop(stop: dry_run.Stop) -> dict[str, Any]:
    said_ = {"text": stop.text.body} if stop.text else {}
    return {
        "step": stop.step.id, "type": stop.step.type, "at": stop.at, "until": stop.until,
        "why": stop.reason or stop.port or "ends", "port": stop.port, "goes_at": stop.goes_at, **said_,
    }  # fmt: skip


@bp.post("/<uuid:flow_id>/rehearse")
@envelope.once("flows:read")
def rehearse(flow_id: UUID) -> ResponseReturnValue:
    """How many of everybody who could enter now would come to each step of the draft."""
    found = rehearsal.audience(db.session(), drafts.get(db.session(), flow_id, by=g.actor), by=g.actor)
    return envelope.ok([{**asdict(one), "step": one.step.id} for one in found])


@bp.get("/<uuid:flow_id>/metrics")
@allow("flows:read")
def metrics(flow_id: UUID) -> ResponseReturnValue:
    """Who stands where, who went which way, who did what it is for; the versions together and one by one."""
    session = db.session()
    flow = drafts.get(session, flow_id, by=g.actor)
    found = results.numbers(session, flow, by=g.actor)
    whole: dict[str, dict[str, int]] = {}
    for steps in found.steps.values():
        for step, one in steps.items():
            whole[step] = {name: whole.get(step, {}).get(name, 0) + value for name, value in _counted(one).items()}
    names = ("entered", "waiting", "failed", "finished", "left")
    groups = {name: asdict(getattr(found, name)) for name in ("treated", "control")}
    by_version = {i: {step: _counted(one) for step, one in steps.items()} for i, steps in found.steps.items()}
    return envelope.ok(
        {"steps": whole, **{name: getattr(found, name) for name in names}, **groups, "lift": found.lift,
         "lift_interval": found.lift_interval, "versions": by_version}
    )  # fmt: skip


def _counted(one: results.StepNumbers) -> dict[str, int]:
    return {
        "waiting": one.waiting, "passed": sum(one.passed.values()), "failed": one.failed, "converted": one.converted,
    }  # fmt: skip


@bp.get("/<uuid:flow_id>/runs")
@allow("flows:read")
@envelope.asks("contact", "state", "step", paged=True)
def runs(flow_id: UUID) -> ResponseReturnValue:
    """The people in it, newest first, each with what happened to him; filters `contact`, `state`, `step`."""
    session = db.session()
    drafts.get(session, flow_id, by=g.actor)
    wanted = people.Wanted(
        state=envelope.word("state"), step=envelope.word("step"), contact_id=envelope.query_uuid("contact")
    )
    page: Page[Any] = people.listed(session, flow_id, envelope.ask(), wanted, by=g.actor)
    return envelope.listed(page, _run)


def _run(row: Any) -> dict[str, Any]:
    run: FlowRun = row[0]
    names = ("id", "contact_id", "state", "step", "due_at", "key", "is_control", "entered_at", "ended_at", "reason")
    lines = log.of_run(db.session(), run.id, by=g.actor)
    return {
        **{name: getattr(run, name) for name in (*names, "failure", "converted_at")},
        "external_id": row[1],
        "version": row[2],
        "log": [
            {"step": one.step, "at": one.at, "kind": one.kind, "why": saying.spoken(one.said, gettext)} for one in lines
        ],
    }


def _done(does: Callable[..., int], flow_id: UUID, *more: object) -> ResponseReturnValue:
    asked = envelope.body(People)
    act = people.Act(asked.runs, asked.reason, g.actor)
    return envelope.ok({"people": does(db.session(), flow_id, *more, act)})


@bp.post("/<uuid:flow_id>/runs/retry")
@envelope.once("flows:people")
def retry(flow_id: UUID) -> ResponseReturnValue:
    """Try the step once more for whom it has failed."""
    return _done(people.retry, flow_id)


@bp.post("/<uuid:flow_id>/runs/skip")
@envelope.once("flows:people")
def skip(flow_id: UUID) -> ResponseReturnValue:
    """End a wait now, or pass a step that has failed."""
    return _done(people.skip, flow_id)


@bp.post("/<uuid:flow_id>/runs/move")
@envelope.once("flows:people")
def move(flow_id: UUID) -> ResponseReturnValue:
    """Put people at another step of their version."""
    return _done(people.move, flow_id, envelope.body(People).step)


@bp.post("/<uuid:flow_id>/runs/take-out")
@envelope.once("flows:people")
def take_out(flow_id: UUID) -> ResponseReturnValue:
    """Let people leave."""
    return _done(people.take_out, flow_id)
