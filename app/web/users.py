"""Who may do what: users, roles and their permissions."""

from uuid import UUID

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import EmailField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from app.core.db import db
from app.core.errors import Conflict, Invalid, mark
from app.domain.access import users
from app.domain.access.models import User
from app.domain.access.permissions import LABELS, permissions
from app.domain.access.permissions import roles as all_roles
from app.domain.approvals import rights
from app.domain.approvals.models import Approval
from app.domain.approvals.rights import Given
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web import factor
from app.web.approvals import asked
from app.web.render import leave_for, parts_or_redirect

bp = Blueprint("users", __name__, url_prefix="/settings")

# What each role is for, beside its choice.
DUTIES = {
    "owner": mark("Users, roles, keys and settings. Cannot approve."),
    "admin": mark("Approves or rejects what others made."),
    "marketer": mark("Contacts, segments, templates and campaigns."),
    "bank_officer": mark("Reviews the monthly list of who qualifies."),
    "operator": mark("Providers, queues and messages in doubt. Writes no content."),
    "auditor": mark("Reads everything and exports the audit log."),
    "viewer": mark("Reads what is sent, changes nothing."),
}


class RoleForm(FlaskForm):  # type: ignore[misc]
    """Another role, and a code where the last one was shown too long ago."""

    role = RadioField(_l("Role"), [InputRequired()])
    code = StringField(_l("Code of your authenticator"), id="role-code")


class ResetForm(FlaskForm):  # type: ignore[misc]
    """Nothing but a code, where the last one was shown too long ago."""

    code = StringField(_l("Code of your authenticator"), id="reset-code")


class AccessForm(FlaskForm):  # type: ignore[misc]
    """Nothing but a code, where the last one was shown too long ago."""

    code = StringField(_l("Code of your authenticator"), id="access-code")


class UserForm(FlaskForm):  # type: ignore[misc]
    """A new user, and a code where the last one was shown too long ago."""

    name = StringField(_l("Name"), [InputRequired(), Length(max=120)])
    email = EmailField(_l("E-mail"), [InputRequired(), Length(max=254)])
    role = RadioField(_l("Role"), [InputRequired()])
    code = StringField(_l("Code of your authenticator"))


@bp.get("/users")
@allow("users:read")
def index() -> ResponseReturnValue:
    """All users."""
    return render_template("users/index.html", **_list())


def _list() -> dict[str, object]:
    session = db.session()
    return {
        "fresh": factor.is_fresh(),
        "people": users.everyone(session, by=g.actor),
        "seen": users.last_seen(session, by=g.actor),
        "role_labels": {role: _(label) for role, label in LABELS.items()},
    }


@bp.get("/roles")
@allow("users:read")
def roles() -> ResponseReturnValue:
    """Which role holds which permission."""
    rows = [(name, _(permission.label)) for name, permission in sorted(permissions().items())]
    labels = {role: _(label) for role, label in LABELS.items()}
    return render_template("users/roles.html", rows=rows, roles=all_roles(), labels=labels)


@bp.get("/users/new")
@allow("users:write")
def new() -> ResponseReturnValue:
    """The empty form."""
    return _new_page(_form())


def _form() -> UserForm:
    form = UserForm()
    form.role.choices = _choices()
    return form


def _choices() -> list[tuple[str, str]]:
    return [(role, f"{_(LABELS[role])}: {_(DUTIES[role])}") for role in all_roles()]


def _new_page(form: UserForm, status: int = 200) -> ResponseReturnValue:
    return make_response(render_template("users/new.html", form=form, fresh=factor.is_fresh()), status)


@bp.post("/users/new")
@allow("users:write")
def create() -> ResponseReturnValue:
    """A new user; the first password is shown once."""
    form = _form()
    is_right = inputs.validate(form, lambda: users.address_of(form.email.data or ""))
    actor = factor.confirm(form) if is_right else None
    if actor is not None:
        try:
            given = rights.new_user(
                db.session(), email=form.email.data, name=form.name.data.strip(), role=form.role.data, by=actor
            )
        except Invalid as error:
            inputs.onto(form, error)
        except Conflict as error:
            form.email.errors = [said(error)]
        else:
            return _given(given)
    return _new_page(form, 422)


def _given(given: Given | Approval, *, is_reset: bool = False) -> ResponseReturnValue:
    """The first password, shown once; or the request that waits for a second person."""
    if isinstance(given, Approval):
        return leave_for(asked(given))
    role = _(LABELS[given.user.role])
    return render_template("users/created.html", user=given.user, password=given.password, role=role, is_reset=is_reset)


@bp.get("/users/<uuid:user_id>")
@allow("users:write")
def show(user_id: UUID) -> ResponseReturnValue:
    """One user: what he may do, and a new beginning for who lost his password or authenticator."""
    return _user_page(users.read(db.session(), user_id, by=g.actor))


def _user_page(
    user: User,
    role_form: RoleForm | None = None,
    reset_form: ResetForm | None = None,
    access_form: AccessForm | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    role_form = role_form or RoleForm(formdata=None, role=user.role)
    role_form.role.choices = _choices()
    values = {"role_form": role_form, "reset_form": reset_form or ResetForm(formdata=None), "fresh": factor.is_fresh()}
    values["access_form"] = access_form or AccessForm(formdata=None)
    return make_response(render_template("users/show.html", user=user, **values), status)


@bp.post("/users/<uuid:user_id>/role")
@allow("users:write")
def change_role(user_id: UUID) -> ResponseReturnValue:
    """Give another role."""
    user, form = users.read(db.session(), user_id, by=g.actor), RoleForm()
    form.role.choices = _choices()
    actor = factor.confirm(form) if form.validate() else None
    if actor is not None:
        try:
            given = rights.set_role(db.session(), user_id, form.role.data, by=actor)
        except Conflict as error:
            form.role.errors = [said(error)]
        else:
            if isinstance(given, Approval):
                return leave_for(asked(given))
            flash(_("%(name)s is now: %(role)s.", name=user.name, role=_(LABELS[user.role])), "success")
            return redirect(url_for(".index"), 303)
    return _user_page(user, role_form=form, status=422)


@bp.post("/users/<uuid:user_id>/reset")
@allow("users:write")
def reset(user_id: UUID) -> ResponseReturnValue:
    """A new first password, shown once; the authenticator is set up again."""
    user, form = users.read(db.session(), user_id, by=g.actor), ResetForm()
    actor = factor.confirm(form) if form.validate() else None
    if actor is None:
        return _user_page(user, reset_form=form, status=422)
    return _given(rights.reset(db.session(), user_id, by=actor), is_reset=True)


@bp.post("/users/<uuid:user_id>/active/<int:on>")
@allow("users:write")
def switch(user_id: UUID, on: int) -> ResponseReturnValue:
    """Shut a user out at once, or let him in again. From the list without a code, where the last one grew too old."""
    form = AccessForm()
    if "code" not in request.form and not factor.is_fresh():
        return leave_for(url_for(".show", user_id=user_id, _anchor="access"))
    actor = factor.confirm(form)
    if actor is None:
        return _user_page(users.read(db.session(), user_id, by=g.actor), access_form=form, status=422)
    if on:
        given = rights.let_in(db.session(), user_id, by=actor)
        if isinstance(given, Approval):
            return leave_for(asked(given))
        user = given.user
    else:
        user = users.set_active(db.session(), user_id, False, by=actor)
    said_so = _("%(name)s may sign in again.") if on else _("%(name)s was shut out: sessions and keys have ended.")
    flash(said_so % {"name": user.name}, "success")
    return parts_or_redirect(url_for(".index"), "users/_people.html", **_list())
