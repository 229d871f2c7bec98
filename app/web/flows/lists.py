"""The list of flows, the gallery of ready-made ones, a new flow, one from a file."""

import json
from typing import Any

from flask import Response, flash, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.flows import draft_state, drafts, ready_made
from app.domain.flows.drafts import FlowInput
from app.domain.flows.models import Flow
from app.domain.flows.states import STATES
from app.http import inputs
from app.http.auth import allow
from app.web import paging
from app.web.flows import drawn
from app.web.flows.blueprint import bp
from app.web.locale import current_language
from app.web.render import leave_for, page_or_part

LARGEST = 1_000_000


class FlowForm(FlaskForm):  # type: ignore[misc]
    """What a flow has beside its steps; a new one may begin from a file."""

    name = StringField(_l("Name"), [InputRequired(), Length(max=120)])
    description = TextAreaField(_l("What it is for"), [Length(max=2000)])
    like = HiddenField()
    file = FileField(_l("From a file"), description=_l("A flow that was saved as a file, here or elsewhere."))


@bp.get("")
@allow("flows:read")
def index() -> ResponseReturnValue:
    """Flows, newest first, with how many people are on their way in each."""
    session, state, text = db.session(), request.args.get("state", ""), request.args.get("q", "").strip()
    page = drafts.listed(session, paging.asked(), by=g.actor, state=state, text=text)
    return page_or_part(
        "flows/index.html",
        "flows/_flows.html",
        page=page,
        states=STATES,
        people=drafts.people_in(session, page.items),
        beside={flow.id: draft_state.of(session, flow) for flow in page.items if flow.version_id},
        old={flow.id for flow in page.items if draft_state.is_old(session, flow)},
    )


@bp.get("/gallery")
@allow("flows:read")
def gallery() -> ResponseReturnValue:
    """Ready-made flows, each drawn small."""
    found = [(one, drawn.canvas(one.chart(current_language()))) for one in ready_made.FLOWS.values()]
    return render_template("flows/gallery.html", found=found)


@bp.get("/new")
@allow("flows:write")
def create() -> ResponseReturnValue:
    """The form of a new flow; `?like=` names a ready-made one."""
    like = ready_made.FLOWS.get(request.args.get("like", ""))
    form = FlowForm(formdata=None)
    if like:
        form.name.data, form.description.data, form.like.data = _(like.name), _(like.description), like.key
    return _page(form)


@bp.post("/new")
@allow("flows:write")
def make() -> ResponseReturnValue:
    """A new draft."""
    form = FlowForm()
    try:
        if inputs.validate(form, lambda: _file(form)):
            flow = _made(form)
            flash(_("The flow is made. Set up what is marked."), "success")
            return leave_for(url_for(".edit", flow_id=flow.id))
    except Invalid as error:
        inputs.onto(form, error)
    return _page(form, 422)


def _made(form: FlowForm) -> Flow:
    name, description = form.name.data, form.description.data or None
    if form.like.data in ready_made.FLOWS:
        return ready_made.create(
            db.session(), form.like.data, name=name, description=description, language=current_language(), by=g.actor
        )
    values: dict[str, Any] = {"name": name, "description": description, **_file(form)}
    return drafts.create(db.session(), inputs.read(FlowInput, values), by=g.actor)


def _file(form: FlowForm) -> dict[str, Any]:
    """The definition in the file that was chosen, if one was. Raises Invalid."""
    if not form.file.data:
        return {}
    found = inputs.json_object(form.file.data.stream.read(LARGEST))
    form.file.data.stream.seek(0)
    if found is None or not isinstance(found.get("definition"), dict):
        raise Invalid.field("file", mark("This is not a flow that was saved as a file."))
    return {"definition": found["definition"]}


@bp.get("/<uuid:flow_id>/file")
@allow("flows:read")
def export(flow_id: Any) -> ResponseReturnValue:
    """The draft as a file."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    said = {"name": flow.name, "description": flow.description, "definition": flow.definition}
    answer = Response(json.dumps(said, ensure_ascii=False, indent=1), mimetype="application/json")
    answer.headers.set("Content-Disposition", "attachment", filename=f"flow-{flow.id}.json")
    return answer


def _page(form: FlowForm, status: int = 200) -> ResponseReturnValue:
    like = ready_made.FLOWS.get(form.like.data or "")
    return make_response(render_template("flows/new.html", form=form, like=like), status)
