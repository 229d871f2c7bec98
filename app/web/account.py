"""Signing in and out, the second factor, one's own sessions."""

import base64
import io

import qrcode
import qrcode.image.svg
from flask import Blueprint, abort, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, StringField
from wtforms.validators import DataRequired, EqualTo, InputRequired

from app.core.db import db
from app.core.errors import Invalid
from app.domain.access import kept, mfa, sessions
from app.domain.access import login as logins
from app.domain.access.models import User
from app.domain.access.passwords import SHORTEST
from app.domain.audit import trail
from app.http import inputs, known_device
from app.http.auth import allow, cookie_name, first_step, public, set_cookie
from app.http.kept import COOKIE
from app.http.rates import rated
from app.http.session import keep_changes
from app.web import locale
from app.web.render import parts_or_redirect

bp = Blueprint("account", __name__)


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Address and password."""

    email = EmailField(_l("E-mail"), [InputRequired()])
    password = PasswordField(_l("Password"), [InputRequired()])


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """The present password and the one to come."""

    present = PasswordField(_l("Present password"), [InputRequired()])
    password = PasswordField(_l("New password"), [InputRequired()])
    end_sessions = BooleanField(_l("End all my other sessions"), default=True)
    end_keys = BooleanField(_l("Revoke all my API keys"))
    again = PasswordField(
        _l("New password once more"), [InputRequired(), EqualTo("password", _l("The two are not the same."))]
    )


class CodeForm(FlaskForm):  # type: ignore[misc]
    """The six digits of the authenticator."""

    code = StringField(_l("Code"), [DataRequired(_l("Enter the code that your authenticator shows."))])


def _next() -> str:
    """Where to go after the login: a path of our own, nothing else."""
    return inputs.own_path(request.values.get("next", "")) or url_for("dashboard.index")


@bp.get("/login")
@public
def login() -> ResponseReturnValue:
    """The login page."""
    if g.visitor and g.visitor.has_factor:
        return redirect(_next())
    return render_template("account/login.html", form=LoginForm(), next=_next())


@bp.post("/login")
@public
@rated("login")
def enter() -> ResponseReturnValue:
    """Check the password; on to the second factor."""
    form = LoginForm()
    keep_changes()
    if not form.validate_on_submit():
        return render_template("account/login.html", form=form, next=_next()), 422
    attempt = logins.try_password(db.session(), form.email.data, form.password.data, origin=known_device.origin())
    if attempt.user is None:
        form.form_errors.append(_(logins.WRONG))
        return render_template("account/login.html", form=form, next=_next()), 422
    if attempt.user.totp_confirmed_at is None:
        logins.enrol_anew(db.session(), attempt.user)
    agent = request.headers.get("User-Agent")
    cookie = sessions.start(db.session(), attempt.user, ip=request.remote_addr, agent=agent, with_factor=False)
    return set_cookie(make_response(redirect(url_for(".code", next=_next()), 303)), cookie)


@bp.get("/login/code")
@public
def code() -> ResponseReturnValue:
    """The page of the second factor; for a first login it shows the secret to scan."""
    if g.visitor is None:
        return redirect(url_for(".login", next=_next()))
    return _code_page(g.visitor.user, CodeForm())


def _code_page(user: User, form: CodeForm, status: int = 200) -> ResponseReturnValue:
    enrol = None
    if user.totp_confirmed_at is None:
        uri = mfa.enrolment_uri(db.session(), user)
        enrol = {"svg": _qr(uri), "secret": mfa.secret_of(db.session(), user)}
    return make_response(render_template("account/code.html", form=form, enrol=enrol, next=_next()), status)


def _qr(uri: str) -> str:
    """The QR code as a data image (the policy allows those)."""
    drawn = io.BytesIO()
    qrcode.make(uri, image_factory=qrcode.image.svg.SvgPathFillImage, box_size=8, border=2).save(drawn)
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.getvalue()).decode()


@bp.post("/login/code")
@public
@rated("login")
def confirm() -> ResponseReturnValue:
    """Take the code; a new session begins, the half one ends."""
    if g.visitor is None:
        return redirect(url_for(".login", next=_next()), 303)
    form, user = CodeForm(), g.visitor.user
    keep_changes()
    if not form.validate_on_submit():
        return _code_page(user, form, 422)
    cookie = request.cookies[cookie_name()]
    try:
        logins.require_code(db.session(), user, form.code.data, origin=known_device.origin(), cookie=cookie)
    except Invalid as error:
        inputs.onto(form, error)
        return _code_page(user, form, 422)
    sessions.end(db.session(), cookie)
    agent = request.headers.get("User-Agent")
    cookie = sessions.start(db.session(), user, ip=request.remote_addr, agent=agent, with_factor=True)
    logins.forgive(db.session(), user, known_device.origin())
    trail.record(db.session(), g.actor, "login", ("user", user.id))
    wanted = url_for("kept.show") if kept.find(db.session(), request.cookies.get(COOKIE, ""), user.id) else _next()
    response = known_device.remember(set_cookie(make_response(redirect(wanted, 303)), cookie), user)
    return locale.remember(response, locale=user.locale, theme=user.theme)


@bp.post("/logout")
@public
def logout() -> ResponseReturnValue:
    """End the session here and on the server."""
    cookie = request.cookies.get(cookie_name())
    if cookie and g.visitor:
        sessions.end(db.session(), cookie)
    response = make_response(redirect(url_for(".login"), 303))
    response.delete_cookie(cookie_name())
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@bp.post("/session/ping")
@allow("")
def ping() -> ResponseReturnValue:
    """Stay signed in."""
    return "", 204


@bp.get("/account/password")
@allow("")
@first_step
def password() -> ResponseReturnValue:
    """Choose another password."""
    return _password_page(PasswordForm())


def _password_page(form: PasswordForm, status: int = 200) -> ResponseReturnValue:
    is_first = g.visitor.user.password_is_first
    page = render_template("account/password.html", form=form, is_first=is_first, least=SHORTEST, next=_next())
    return make_response(page, status)


@bp.post("/account/password")
@allow("")
@first_step
def change_password() -> ResponseReturnValue:
    """Take the new password; other sessions end."""
    form, user = PasswordForm(), g.visitor.user
    ending = logins.Ending(sessions=form.end_sessions.data or user.password_is_first, keys=form.end_keys.data)
    keep_changes()
    if not form.validate():
        return _password_page(form, 422)
    cookie, was_first = request.cookies[cookie_name()], user.password_is_first
    try:
        logins.change_password(
            db.session(),
            user,
            form.present.data,
            form.password.data,
            ending=ending,
            by=g.actor,
            origin=known_device.origin(),
            cookie=cookie,
        )
    except Invalid as error:
        inputs.onto(form, error)
        return _password_page(form, 422)
    done = (
        _("Your password was changed. Other sessions have ended.")
        if ending.sessions
        else _("Your password was changed.")
    )
    flash(done, "success")
    response = make_response(redirect(_next() if was_first else url_for(".sessions"), 303))
    return known_device.remember(response, user)


@bp.get("/account/sessions", endpoint="sessions")
@allow("")
def own_sessions() -> ResponseReturnValue:
    """One's own open sessions."""
    rows = sessions.of_user(db.session(), g.actor.id)
    return render_template("account/sessions.html", rows=rows, here=g.visitor.opened.row.id_hash)


@bp.post("/account/sessions/<string(length=64):id_hash>/revoke")
@allow("")
def revoke(id_hash: str) -> ResponseReturnValue:
    """End one of one's own sessions."""
    try:
        key = bytes.fromhex(id_hash)
    except ValueError:
        abort(404)
    sessions.revoke(db.session(), key, by=g.actor)
    flash(_("The session has ended."), "success")
    return parts_or_redirect(url_for(".sessions"))
