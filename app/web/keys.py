"""API keys: one's own, made within one's own permissions, shown once."""

from uuid import UUID

from flask import Blueprint, flash, g, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from app.core.db import db
from app.core.errors import DomainError, Invalid
from app.domain.access import keys, users
from app.domain.access.permissions import of_role, permissions
from app.domain.approvals import rights
from app.domain.approvals.models import Approval
from app.domain.events import page_keys
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web import factor
from app.web.render import parts_or_redirect

bp = Blueprint("keys", __name__, url_prefix="/account/keys")


class KeyForm(FlaskForm):  # type: ignore[misc]
    """A new key: everything its user may do but approve, or chosen permissions only."""

    name = StringField(_l("What it is for"), [InputRequired(), Length(max=80)])
    reach = RadioField(_l("It may"), default="some")
    scopes = SelectMultipleField(
        _l("Permissions"), option_widget=CheckboxInput(), widget=ListWidget(prefix_label=False)
    )
    code = StringField(_l("Code of your authenticator"))


class PageKeyForm(FlaskForm):  # type: ignore[misc]
    """A key for pages: what it is for, and the origins it serves, one a line."""

    name = StringField(_l("What it is for"), [InputRequired(), Length(max=80)])
    origins = TextAreaField(_l("Origins of the pages"))


class OriginsForm(FlaskForm):  # type: ignore[misc]
    """The origins a key serves, one a line."""

    origins = TextAreaField(_l("Origins of the pages"))


def _form() -> KeyForm:
    form = KeyForm()
    form.reach.choices = [
        ("some", _("only what is chosen below")),
        ("*", _("everything I may do myself, except approving")),
    ]
    form.scopes.choices = [(p, _(permissions()[p].label)) for p in sorted(of_role(g.actor.role))]
    return form


@bp.get("")
@allow("")
def index() -> ResponseReturnValue:
    """One's own keys; everybody's for who manages them."""
    return render_template("users/keys.html", **_list())


def _list() -> dict[str, object]:
    found = keys.listed(db.session(), by=g.actor)
    return {"keys": found, "names": users.names(db.session(), [key.user_id for key in found])}


@bp.get("/new")
@allow("")
def new() -> ResponseReturnValue:
    """The empty form."""
    return render_template("users/new_key.html", form=_form(), fresh=factor.is_fresh())


@bp.post("/new")
@allow("")
def create() -> ResponseReturnValue:
    """A new key, shown once."""
    form = _form()
    made = _made(form) if form.validate() else None
    if made:
        key, proposed = made
        return render_template("users/key_made.html", key=key, name=form.name.data, request_=proposed)
    return make_response(render_template("users/new_key.html", form=form, fresh=factor.is_fresh()), 422)


def _made(form: KeyForm) -> tuple[str, Approval | None] | None:
    """The key and the request it waits for, or None with the reasons on the form."""
    scopes = ["*"] if form.reach.data == "*" else list(form.scopes.data or [])
    if not scopes:
        form.scopes.errors = [_("Choose at least one permission.")]
        return None
    actor = factor.confirm(form)
    if actor is None:
        return None
    try:
        return rights.new_key(db.session(), name=form.name.data.strip(), scopes=scopes, by=actor)
    except Invalid as error:
        inputs.onto(form, error)
    except DomainError as error:
        form.form_errors.append(said(error))
    return None


@bp.get("/pages/new")
@allow("events:track")
def new_for_pages() -> ResponseReturnValue:
    """The empty form of a key for pages."""
    return render_template("users/page_key.html", form=PageKeyForm(), key=None)


@bp.post("/pages/new")
@allow("events:track")
def create_for_pages() -> ResponseReturnValue:
    """A new key for pages, with the line that puts it there."""
    form, made = PageKeyForm(), list[UUID]()

    def make() -> None:
        origins = (form.origins.data or "").split()
        made.append(page_keys.create(db.session(), name=form.name.data.strip(), origins=origins, by=g.actor).id)

    if form.validate() and inputs.validate(form, make):
        flash(_("The key was made."), "success")
        return redirect(url_for(".for_pages", key_id=made[0]), 303)
    return make_response(render_template("users/page_key.html", form=form, key=None), 422)


@bp.get("/<uuid:key_id>/pages")
@allow("")
def for_pages(key_id: UUID) -> ResponseReturnValue:
    """A key for pages: the whole of it, the line that puts it into a page, and the origins it serves."""
    key = page_keys.get(db.session(), key_id, by=g.actor)
    return render_template("users/page_key.html", form=OriginsForm(origins="\n".join(key.origins)), key=key)


@bp.post("/<uuid:key_id>/pages")
@allow("")
def serve(key_id: UUID) -> ResponseReturnValue:
    """Say which origins a key serves."""
    form, session = OriginsForm(), db.session()
    key = page_keys.get(session, key_id, by=g.actor)
    origins = (form.origins.data or "").split()
    if inputs.validate(form, lambda: page_keys.serve(session, key_id, origins, by=g.actor)):
        flash(_("Saved."), "success")
        return redirect(url_for(".for_pages", key_id=key_id), 303)
    return make_response(render_template("users/page_key.html", form=form, key=key), 422)


@bp.post("/<uuid:key_id>/revoke")
@allow("")
def revoke(key_id: UUID) -> ResponseReturnValue:
    """End a key at once."""
    keys.revoke(db.session(), key_id, by=g.actor)
    flash(_("The key does not work any more."), "success")
    return parts_or_redirect(url_for(".index"), "users/_keys.html", **_list())
