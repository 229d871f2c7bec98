"""The panel beside the canvas: one step, the trigger or the rules, as a form; and what can be added somewhere."""

from typing import Any
from uuid import UUID

from flask import flash, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import Invalid, NotFound, Stale, mark
from app.core.page import MOST, Ask
from app.domain.campaigns import drafts as campaigns
from app.domain.flows import drafts, edits, naming, validation
from app.domain.flows.definition import TRIGGER, Flowchart, parse
from app.domain.flows.edits import Edit
from app.domain.flows.models import Flow
from app.domain.flows.steps import SENDS, TRIGGERS, Config
from app.domain.flows.validation import RULES
from app.http.auth import allow
from app.http.errors import said
from app.web.flows import branches, words
from app.web.flows.blueprint import bp
from app.web.flows.edit import done, page, revision_asked
from app.web.flows.forms import FORMS, TRIGGER_FORMS, Offers, RulesForm, StepForm
from app.web.render import is_part_wanted, leave_for, placed


@bp.get("/<uuid:flow_id>/steps/<step_id>")
@allow("flows:write")
def step(flow_id: UUID, step_id: str) -> ResponseReturnValue:
    """The form of a step, the trigger or the rules."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    chart = parse(flow.definition)
    config, kind = _config(chart, step_id)
    return _shown(flow, chart, step_id, kind, _form(flow, chart, step_id, kind, config, posted=False))


@bp.post("/<uuid:flow_id>/trigger")
@allow("flows:write")
def other_trigger(flow_id: UUID) -> ResponseReturnValue:
    """The form of another kind of trigger, which is looked at and not kept yet."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    chart = parse(flow.definition)
    config, kind = _posted(chart, TRIGGER)
    return _shown(flow, chart, TRIGGER, kind, _form(flow, chart, TRIGGER, kind, config, posted=False))


@bp.post("/<uuid:flow_id>/steps/<step_id>/form")
@allow("flows:write")
def other_fields(flow_id: UUID, step_id: str) -> ResponseReturnValue:
    """The form with the fields of what was chosen in it, which is looked at and not kept yet."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    chart = parse(flow.definition)
    config, kind = _posted(chart, step_id)
    return _shown(flow, chart, step_id, kind, _form(flow, chart, step_id, kind, config, posted=True))


@bp.post("/<uuid:flow_id>/steps/<step_id>")
@allow("flows:write")
def save(flow_id: UUID, step_id: str) -> ResponseReturnValue:
    """Keep the set-up of a step; what is not complete yet is kept, too, and marked."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    chart, revision = parse(flow.definition), revision_asked()
    config, kind = _posted(chart, step_id)
    form = _form(flow, chart, step_id, kind, config, posted=True)
    try:
        if not form.validate():
            return _shown(flow, chart, step_id, kind, form, 422)
        change = _change(chart, step_id, kind, form.config(config))
        changed = drafts.edit(db.session(), flow_id, change, revision=revision, by=g.actor)
    except Invalid as error:
        db.session.rollback()
        return _shown(flow, chart, step_id, kind, _refused(form, error), 422)
    except (Stale, NotFound) as error:
        db.session.rollback()
        return _too_late(flow_id, step_id, kind, form, error)
    do, _colon, key = request.form.get("do", "").partition(":")
    if do == "condition":
        return leave_for(url_for(".condition", flow_id=flow_id, step_id=step_id, key=key))
    flash(_("The draft is saved."), "success")
    now = parse(changed.definition)
    config, kind = _config(now, step_id)
    values = _values(changed, now, step_id, kind, _form(changed, now, step_id, kind, config, posted=False))
    return done(flow_id, lambda: changed, "flows/_panel.html", **values)


@bp.get("/<uuid:flow_id>/add")
@allow("flows:write")
def add(flow_id: UUID) -> ResponseReturnValue:
    """What can be added at a place: the menu of the “+” for whoever has no script."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    place = {"lane": request.args.get("lane", edits.ROOT), "index": request.args.get("index", "")}
    return page(flow, panel="add", place=place)


def _config(chart: Flowchart, step_id: str) -> tuple[Config, str]:
    """The set-up of a step, the trigger or the rules, and its kind. Raises NotFound."""
    if step_id == TRIGGER:
        return chart.trigger, chart.trigger_type
    if step_id == RULES:
        return chart.rules, RULES
    found = chart.step(step_id)
    if found is None:
        raise NotFound(mark("This step is no longer there."))
    return found.config, found.type


def _posted(chart: Flowchart, step_id: str) -> tuple[Config, str]:
    """The same of what was posted: of the trigger the kind that was chosen, with the set-up it has if it is the present one."""
    kind = request.form.get("type", "")
    is_other = step_id == TRIGGER and kind in TRIGGERS and kind != chart.trigger_type
    return (TRIGGERS[kind](), kind) if is_other else _config(chart, step_id)


def _change(chart: Flowchart, step_id: str, kind: str, config: dict[str, Any]) -> Edit:
    if step_id == TRIGGER:
        return Edit(op="trigger", type=kind, config=config)
    if step_id == RULES:
        return Edit(op="rules", config=config)
    found = chart.step(step_id)
    if found and kind in branches.CHOSEN:
        return Edit(op="branches", id=step_id, branches=branches.asked(found, request.form))
    return Edit(op="configure", id=step_id, config=config)


def _form(flow: Flow, chart: Flowchart, step_id: str, kind: str, config: Config, *, posted: bool) -> StepForm:
    shape = RulesForm if kind == RULES else TRIGGER_FORMS[kind] if step_id == TRIGGER else FORMS[kind]
    return shape.of(config, _offers(flow, chart, step_id), kind, posted=posted)


def _offers(flow: Flow, chart: Flowchart, step_id: str) -> Offers:
    speaker, session = words.speaker(chart), db.session()
    named = [(one.id, speaker.step(one)[0], one.type) for one in chart.steps()]
    sent = campaigns.listed(session, Ask(per_page=MOST), by=g.actor).items if step_id == TRIGGER else ()
    return Offers(
        of_bank=naming.choosable(session, flow, by=g.actor),
        steps=[(i, title) for i, title, _kind in named if i != step_id],
        senders=[(i, title) for i, title, kind in named if kind in SENDS and i != step_id],
        campaigns=[(str(one.id), one.name) for one in sent],
    )


def _values(flow: Flow, chart: Flowchart, step_id: str, kind: str, form: StepForm) -> dict[str, Any]:
    """What the panel draws of a step."""
    found = chart.step(step_id)
    problems = [one for one in validation.problems(db.session(), flow) if one.step == step_id]
    return {
        "panel": "step",
        "step_id": step_id,
        "kind": kind,
        "kind_of": words.KINDS.get(kind),
        "triggers": list(words.TRIGGERS.items()),
        "form": form,
        "step_problems": [(one.level, said(one.issue())) for one in problems],
        "branches": branches.shown(found) if found and kind in branches.CHOSEN else [],
        "segments": [(str(i), name) for i, name in naming.choosable(db.session(), flow, by=g.actor).segments]
        if kind == "split"
        else [],
        "places": _places(chart, step_id) if found else [],
    }


def _places(chart: Flowchart, step_id: str) -> list[tuple[str, str]]:
    """Everywhere a step can be moved to, for whoever does not drag: at the beginning of a lane, or behind a step."""
    speaker, own = words.speaker(chart), chart.step(step_id)
    inner = {one.id for one in edits.inside(own)} if own else set()
    found = []
    for name, lane in edits.lanes(chart).items():
        parent, _colon, key = name.partition(":")
        if parent in inner:
            continue
        others = [one for one in lane if one.id != step_id]
        found.append(
            (f"{name} 0", _("at the beginning") if name == edits.ROOT else _beginning(speaker, chart, parent, key))
        )
        found += [(f"{name} {n}", _("behind “%(step)s”", step=speaker.step(one)[0])) for n, one in enumerate(others, 1)]
    return found


def _beginning(speaker: words.Speaker, chart: Flowchart, parent: str, key: str) -> str:
    found = chart.step(parent)
    label = next((one.label for one in found.branches if one.key == key), "") if found else ""
    return str(_("“%(step)s”: “%(branch)s”", step=speaker.name_of(parent), branch=words.branch(key, label)))


def _refused(form: StepForm, error: Invalid) -> StepForm:
    """The domain's words at the fields: `config.timeout.days` is of the field `days`."""
    for issue in error.details:
        names = [part for part in issue.field.removeprefix("config.").split(".") if part in form]
        if names:
            form[names[-1]].errors = [*form[names[-1]].errors, said(issue)]
        else:
            form.form_errors.append(said(issue))
    if not error.details:
        form.form_errors.append(said(error))
    return form


def _shown(
    flow: Flow, chart: Flowchart, step_id: str, kind: str, form: StepForm, status: int = 200
) -> ResponseReturnValue:
    values = _values(flow, chart, step_id, kind, form)
    if not is_part_wanted():
        return page(flow, status, **values)
    html = render_template("flows/_panel.html", flow=flow, **values)
    return placed(html, "#panel", status)


def _too_late(flow_id: UUID, step_id: str, kind: str, form: StepForm, error: Stale | NotFound) -> ResponseReturnValue:
    """Somebody else was faster: the newest canvas, and the form as it was filled in, now on the newest revision."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    chart = parse(flow.definition)

    def refuse() -> Flow:
        raise error

    is_there = step_id in (TRIGGER, RULES) or chart.step(step_id) is not None
    values = _values(flow, chart, step_id, kind, form) if is_there else {"panel": ""}
    return done(flow_id, refuse, "flows/_panel.html", **values)
