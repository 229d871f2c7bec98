"""Systems that flows may tell something: registered by one, approved by another."""

from functools import partial
from typing import Any
from uuid import UUID

from flask import current_app, flash, g, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length

from app.core.db import db
from app.core.errors import Invalid
from app.domain.access import users
from app.domain.flows import destinations, trying
from app.domain.flows.destinations import DestinationInput
from app.gateways.http import Http
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.http.rates import rated
from app.web import paging, setting_words
from app.web.flows.blueprint import bp
from app.web.flows.forms.base import Checks
from app.web.render import leave_for, page_or_part


class DestinationForm(FlaskForm):  # type: ignore[misc]
    """A destination as a person registers it."""

    name = StringField(_l("Name"), [InputRequired(), Length(max=80)])
    url = StringField(_l("Address"), [InputRequired(), Length(max=500)])
    fields = Checks(_l("What it is told"))
    event = StringField(
        _l("and of what began the run"),
        [Length(max=300)],
        description=_l("Properties of the event, with commas between."),
    )


@bp.get("/destinations")
@allow("flows:read")
def systems() -> ResponseReturnValue:
    """The list."""
    page = destinations.listed(db.session(), paging.asked(), by=g.actor)
    return page_or_part("flows/systems.html", "flows/_systems.html", page=page)


@bp.get("/destinations/new")
@allow("flows:write")
def new_system() -> ResponseReturnValue:
    """The form."""
    return _page(_form(DestinationForm(formdata=None, data={"fields": ["external_id"]})))


@bp.post("/destinations/new")
@allow("flows:write")
def register() -> ResponseReturnValue:
    """Ask for it; the secret that signs what it is told is shown once."""
    form = _form(DestinationForm())
    try:
        if form.validate():
            made, secret = destinations.register(db.session(), _command(form), by=g.actor)
            return render_template("flows/registered.html", destination=made, secret=secret)
    except Invalid as error:
        inputs.onto(form, error)
    return _page(form, 422)


@bp.get("/destinations/<uuid:destination_id>")
@allow("flows:read")
def system(destination_id: UUID) -> ResponseReturnValue:
    """One system."""
    return _one(destination_id)


@bp.post("/destinations/<uuid:destination_id>/test")
@allow("flows:write")
@rated("test")
def test_system(destination_id: UUID) -> ResponseReturnValue:
    """Call it with an example, and show what it answered."""
    open_http = partial(Http, allow_private=not current_app.config["SETTINGS"].is_production)
    return _one(destination_id, trying.call(db.session(), destination_id, open_http, by=g.actor))


def _one(destination_id: UUID, tried: trying.Tried | None = None) -> ResponseReturnValue:
    session = db.session()
    found = destinations.get(session, destination_id, by=g.actor)
    values: dict[str, Any] = {
        "one": found,
        "tried": tried,
        "problem": said(tried.problem) if tried and tried.problem else "",
        "names": users.names(session, [found.created_by]),
        "users": destinations.users_of(session, destination_id, by=g.actor),
    }
    return page_or_part("flows/one_system.html", "flows/_tried.html", **values)


@bp.post("/destinations/<uuid:destination_id>/archive")
@allow("flows:write")
def archive_system(destination_id: UUID) -> ResponseReturnValue:
    """Put it away."""
    destinations.archive(db.session(), destination_id, by=g.actor)
    flash(_("The system is archived."), "success")
    return leave_for(url_for(".systems"))


def _form(form: DestinationForm) -> DestinationForm:
    names = destinations.offered(db.session())
    form.fields.choices = list(zip(names, setting_words.told(names), strict=True))
    return form


def _command(form: DestinationForm) -> DestinationInput:
    events = [f"event.{name.strip()}" for name in (form.event.data or "").split(",") if name.strip()]
    values: dict[str, Any] = {"name": form.name.data, "url": form.url.data, "fields": [*form.fields.data, *events]}
    return inputs.read(DestinationInput, values)


def _page(form: DestinationForm, status: int = 200) -> ResponseReturnValue:
    return make_response(render_template("flows/system.html", form=form), status)
