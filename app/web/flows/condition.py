"""The condition of a branch, in the builder of segments."""

from typing import Any
from uuid import UUID

from flask import flash, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import DomainError, Invalid, NotFound, Stale, mark
from app.domain.flows import drafts
from app.domain.flows.definition import Branch, Step, parse
from app.domain.flows.edits import BranchEdit, Edit
from app.domain.flows.models import Flow
from app.domain.segments import check
from app.domain.segments.definition import everybody
from app.http.auth import allow
from app.http.errors import said, status_of
from app.web.flows import words
from app.web.flows.blueprint import bp
from app.web.flows.edit import revision_asked
from app.web.render import leave_for
from app.web.segments import builder, shown
from app.web.segments import edit as segments
from app.web.segments.builder import Builder, Judged


@bp.get("/<uuid:flow_id>/steps/<step_id>/branches/<key>")
@allow("flows:write")
def condition(flow_id: UUID, step_id: str, key: str) -> ResponseReturnValue:
    """Who goes this way, as conditions."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    _step, branch = _found(flow, step_id, key)
    state = builder.of_definition(branch.when or everybody(), shown.catalogue())
    return _page(flow, step_id, branch, segments.around(state))


@bp.post("/<uuid:flow_id>/steps/<step_id>/branches/<key>")
@allow("flows:write")
def decided(flow_id: UUID, step_id: str, key: str) -> ResponseReturnValue:
    """Keep the condition."""
    session, known = db.session(), shown.catalogue()
    flow = drafts.get(session, flow_id, by=g.actor)
    step, branch = _found(flow, step_id, key)
    state: Builder = builder.of_form(request.form, known)
    raw, paths = builder.as_json(state, known)
    try:
        check.check(session, raw)
        drafts.edit(session, flow_id, _change(step, key, raw), revision=revision_asked(), by=g.actor)
    except Stale as error:
        session.rollback()
        flow = drafts.get(session, flow_id, by=g.actor)
        return _page(flow, step_id, branch, segments.around(state), status_of(error), said(error))
    except Invalid as error:
        session.rollback()
        judged: Judged = builder.refusal(error, paths, builder.judge(session, state, known))
        return _page(flow, step_id, branch, segments.around(state, judged, is_strict=True), 422, said(error))
    except DomainError as error:
        session.rollback()
        return _page(flow, step_id, branch, segments.around(state), status_of(error), said(error))
    flash(_("The draft is saved."), "success")
    return leave_for(url_for(".step", flow_id=flow_id, step_id=step_id))


def _found(flow: Flow, step_id: str, key: str) -> tuple[Step, Branch]:
    step = parse(flow.definition).step(step_id)
    branch = next((one for one in step.branches if one.key == key), None) if step and step.type == "split" else None
    if step is None or branch is None:
        raise NotFound(mark("This branch is no longer there."))
    return step, branch


def _change(step: Step, key: str, raw: dict[str, Any]) -> Edit:
    def when(one: Branch) -> dict[str, Any] | None:
        return raw if one.key == key else one.when.dump() if one.when else None

    asked = tuple(BranchEdit(key=one.key, label=one.label, when=when(one)) for one in step.branches)
    return Edit(op="branches", id=step.id, branches=asked)


def _page(
    flow: Flow, step_id: str, branch: Branch, drawn: dict[str, Any], status: int = 200, refused: str = ""
) -> ResponseReturnValue:
    called = words.branch(branch.key, branch.label)
    values = {**drawn, "flow": flow, "step_id": step_id, "branch": branch, "called": called, "refused": refused}
    return make_response(render_template("flows/condition.html", **values), status)
