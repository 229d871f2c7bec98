"""A fresh second factor at the moment of approving or of changing access."""

from dataclasses import replace

from flask import g, request
from flask_babel import gettext
from flask_wtf import FlaskForm

from app.core import clock
from app.core.actor import FRESH_FACTOR, Actor
from app.core.db import db
from app.core.errors import Invalid
from app.domain.access import login as logins
from app.domain.access import sessions
from app.http import inputs, known_device
from app.http.auth import cookie_name
from app.http.session import keep_changes


def is_fresh() -> bool:
    """True if the visitor showed a code in the last few minutes and need not be asked again."""
    actor: Actor = g.actor
    return actor.factor_at is not None and clock.now() - actor.factor_at <= FRESH_FACTOR


def ask(form: FlaskForm) -> None:
    """Say that a code is missing, where one is needed and another field is wrong already: all at once, and none is tried."""
    if not is_fresh() and not form.code.data:
        form.code.errors = [gettext("Enter the code that your authenticator shows.")]


def confirm(form: FlaskForm) -> Actor | None:
    """The actor with a fresh factor, or None with the reason on the form's field `code`.

    Call it before anything else is changed: a wrong code is counted like a failed login, and that is kept although
    the answer is an error. At the fifth wrong one the session ends.
    """
    actor: Actor = g.actor
    if is_fresh():
        return actor
    session, user = db.session(), g.visitor.user
    cookie = request.cookies[cookie_name()]
    try:
        logins.require_code(session, user, form.code.data or "", origin=known_device.origin(), cookie=cookie)
    except Invalid as error:
        keep_changes()
        inputs.onto(form, error)
        return None
    sessions.refresh_factor(session, cookie)
    return replace(actor, factor_at=clock.now())
