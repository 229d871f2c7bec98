"""Saved filters of lists: chips above a list lead to them; here they are saved, renamed, shared and deleted.

A list's address is its filter: what is saved is what stands in the address somebody comes from, and he goes back there.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.validators import InputRequired, Length

from app.core.db import db
from app.core.errors import Invalid
from app.domain.access import users
from app.domain.filters import saved
from app.domain.filters.saved import FilterChange, FilterInput, Shown
from app.http import inputs
from app.http.auth import allow
from app.web.render import is_part_wanted, leave_for

bp = Blueprint("filters", __name__, url_prefix="/filters")


class FilterForm(FlaskForm):  # type: ignore[misc]
    """What a filter is called, whose it is, and whether the list opens with it."""

    name = StringField(_l("Name"), [InputRequired(), Length(max=60)])
    is_shared = BooleanField(_l("Colleagues see it, too"))
    is_default = BooleanField(_l("The list opens with it for me"))

    @property
    def said(self) -> dict[str, Any]:
        """What was typed, as the command has it."""
        return {name: self[name].data for name in FilterChange.model_fields}


def above(of_list: str) -> dict[str, object]:
    """What the chips above a list need."""
    kept = saved.listed(db.session(), of_list, by=g.actor)
    return {
        "of_list": of_list,
        "saved": kept,
        "present": saved.narrowing(of_list, request.args),
        "opens_with": any(one.is_default for one in kept),
    }


def opened(of_list: str) -> ResponseReturnValue | None:
    """Where a list goes that is asked for as it is and opens with a filter for whoever asks; None for as it is."""
    if request.args or is_part_wanted():
        return None
    default = next(
        (one for one in saved.listed(db.session(), of_list, by=g.actor) if one.is_default and one.is_usable), None
    )
    return redirect(f"{request.path}?{urlencode(default.row.narrows)}") if default else None


@bp.get("")
@allow("filters:use")
def index() -> ResponseReturnValue:
    """The filters of a list, to be changed."""
    return _page(None, None)


@bp.get("/new")
@allow("filters:use")
def new() -> ResponseReturnValue:
    """The form under which the present filter is saved."""
    return _new_page(FilterForm())


@bp.post("/new")
@allow("filters:use")
def save() -> ResponseReturnValue:
    """Save it."""
    form, of_list = FilterForm(), request.form.get("of_list", "")
    if form.validate():
        try:
            narrows = saved.narrowing(of_list, _query(_back()))
            saved.save(
                db.session(),
                inputs.read(FilterInput, {**form.said, "of_list": of_list, "narrows": narrows}),
                by=g.actor,
            )
        except Invalid as error:
            inputs.onto(form, error)
        else:
            flash(_("The filter was saved."), "success")
            return leave_for(_back())
    return _new_page(form, 422)


@bp.post("/<uuid:filter_id>")
@allow("filters:use")
def change(filter_id: UUID) -> ResponseReturnValue:
    """Rename it, share it, open the list with it."""
    form = FilterForm()
    if form.validate():
        try:
            saved.change(db.session(), filter_id, inputs.read(FilterChange, form.said), by=g.actor)
        except Invalid as error:
            inputs.onto(form, error)
        else:
            flash(_("The filter was changed."), "success")
            return leave_for(_home())
    return _page(filter_id, form, 422)


@bp.post("/<uuid:filter_id>/delete")
@allow("filters:use")
def delete(filter_id: UUID) -> ResponseReturnValue:
    """Delete it."""
    saved.delete(db.session(), filter_id, by=g.actor)
    flash(_("The filter was deleted."), "success")
    return leave_for(_home())


def _new_page(form: FilterForm, status: int = 200) -> ResponseReturnValue:
    values = {"form": form, "of_list": request.values.get("of_list", ""), "back": _back()}
    return make_response(render_template("filters/new.html", **values), status)


def _page(wrong: UUID | None, form: FilterForm | None, status: int = 200) -> ResponseReturnValue:
    session, of_list, back = db.session(), request.values.get("of_list", ""), _back()
    kept = saved.listed(session, of_list, by=g.actor)
    forms = {one.row.id: form if one.row.id == wrong else _form_of(one) for one in kept}
    values: dict[str, Any] = {
        "saved": kept,
        "forms": forms,
        "names": users.names(session, [one.row.created_by for one in kept]),
        "of_list": of_list,
        "back": back,
        "place": back.partition("?")[0],
        "urlencode": urlencode,
    }
    return make_response(render_template("filters/index.html", **values), status)


def _form_of(one: Shown) -> FilterForm:
    given = {"name": one.row.name, "is_shared": one.row.is_shared, "is_default": one.is_default}
    return FilterForm(formdata=None, data=given)


def _home() -> str:
    return url_for(".index", of_list=request.form.get("of_list", ""), back=_back())


def _back() -> str:
    """The list somebody comes from: a path of our own, nothing else."""
    return inputs.own_path(request.values.get("back", "")) or url_for("dashboard.index")


def _query(address: str) -> dict[str, str]:
    return dict(parse_qsl(inputs.address(address).query))
