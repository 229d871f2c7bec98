"""The editor: the canvas, and every edit as a small post that answers with the newest canvas."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import DomainError, Invalid, Stale
from app.domain.flows import drafts, edits
from app.domain.flows.definition import parse
from app.domain.flows.edits import Edit
from app.domain.flows.models import Flow
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said, status_of
from app.web.flows import drawn
from app.web.flows.blueprint import bp
from app.web.flows.lists import FlowForm
from app.web.render import is_part_wanted, leave_for, parts, placed

_EDIT = ("op", "lane", "id", "type")


@bp.get("/<uuid:flow_id>/edit")
@allow("flows:write")
def edit(flow_id: UUID) -> ResponseReturnValue:
    """The editor, with nothing chosen."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    if "edit" not in drawn.head(flow)["verbs"]:
        return redirect(url_for(".show", flow_id=flow_id), 303)
    return page(flow)


@bp.post("/<uuid:flow_id>/ops")
@allow("flows:write")
def ops(flow_id: UUID) -> ResponseReturnValue:
    """One edit, undo or redo; a page that was not the newest gets the newest."""
    session, revision = db.session(), revision_asked()
    return done(flow_id, lambda: _carried_out(session, flow_id, revision))


def _carried_out(session: Any, flow_id: UUID, revision: int | None) -> Flow:
    op = request.form.get("op", "")
    if op in ("undo", "redo"):
        return getattr(drafts, op)(session, flow_id, revision=revision, by=g.actor)  # type: ignore[no-any-return]
    asked: dict[str, Any] = {name: request.form[name] for name in _EDIT if request.form.get(name)}
    if request.form.get("index"):
        asked["index"] = request.form["index"]
    if op in ("up", "down"):
        chart = parse(drafts.get(session, flow_id, by=g.actor).definition)
        lane, index = edits.shifted(chart, asked.get("id", ""), -1 if op == "up" else 1)
        asked |= {"op": "move", "lane": lane, "index": index}
    if op == "move" and "place" in request.form:
        lane, _space, place = request.form["place"].rpartition(" ")
        asked |= {"lane": lane, "index": place}
    if op == "paste":
        asked["steps"] = drafts.copied(
            session, _id(request.form.get("from", "")), request.form.get("id", ""), by=g.actor
        )
        asked.pop("id", None)
    return drafts.edit(session, flow_id, inputs.read(Edit, asked), revision=revision, by=g.actor)


def done(flow_id: UUID, act: Callable[[], Flow], part: str = "", **values: object) -> ResponseReturnValue:
    """Carry an edit out and answer with the canvas as it is then; what is refused is said in a toast beside the newest one.

    `part` is drawn beside it, out of band.
    """
    status = 200
    try:
        flow = act()
    except DomainError as error:
        db.session.rollback()
        flow, status = (
            drafts.get(db.session(), flow_id, by=g.actor),
            409 if isinstance(error, Stale) else status_of(error),
        )
        flash(
            " ".join([said(error), *(said(issue) for issue in error.details)][: 1 if isinstance(error, Stale) else 2]),
            "warning",
        )
    if not is_part_wanted():
        return redirect(url_for(".edit", flow_id=flow_id), 303)
    others = [part] if part else []
    html = parts(
        "flows/_editor.html",
        *others,
        "flows/_state.html",
        "flows/_verbs.html",
        **head(flow),
        **drawn.editor(flow),
        **values,
    )
    return placed(html, "#editor", status, swap="morph:outerHTML")


def page(flow: Flow, status: int = 200, **values: Any) -> ResponseReturnValue:
    """The whole page; `values` are what the panel draws."""
    return make_response(
        render_template("flows/edit.html", **head(flow), **drawn.editor(flow), **{"panel": "", **values}), status
    )


def head(flow: Flow) -> dict[str, Any]:
    """What stands above the canvas."""
    return drawn.head(flow)


def revision_asked() -> int | None:
    """The revision a page was drawn from; one that says nothing is not the newest."""
    return inputs.version(request.form.get("revision")) or 0


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        return UUID(int=0)


@bp.get("/<uuid:flow_id>/name")
@allow("flows:write")
def rename(flow_id: UUID) -> ResponseReturnValue:
    """Name and description."""
    flow = drafts.get(db.session(), flow_id, by=g.actor)
    return render_template("flows/name.html", flow=flow, form=FlowForm(formdata=None, obj=flow))


@bp.post("/<uuid:flow_id>/name")
@allow("flows:write")
def renamed(flow_id: UUID) -> ResponseReturnValue:
    """Change them."""
    flow, form = drafts.get(db.session(), flow_id, by=g.actor), FlowForm()
    try:
        if form.validate():
            said_ = {
                "name": form.name.data,
                "description": form.description.data or None,
                "definition": flow.definition,
            }
            drafts.update(db.session(), flow_id, inputs.read(drafts.FlowInput, said_), by=g.actor)
            flash(_("Saved."), "success")
            return leave_for(url_for(".edit", flow_id=flow_id))
    except Invalid as error:
        inputs.onto(form, error)
    return make_response(render_template("flows/name.html", flow=flow, form=form), 422)
