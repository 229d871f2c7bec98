"""What somebody was writing when the session ended: sent here by the page, shown again after signing in."""

from flask import Blueprint, abort, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.domain.access import kept
from app.http import kept as door
from app.http.auth import allow, cookie_name, public
from app.http.rates import rated

bp = Blueprint("kept", __name__, url_prefix="/kept")
SHOWN = 60  # fields


@bp.post("")
@public
@rated("login")
def keep() -> ResponseReturnValue:
    """Keep the form of a page whose session is over; the page sends it with its own address."""
    token = door.keep(
        request.cookies.get(cookie_name(), ""), request.args.get("path", "/"), request.args.get("page", "/")
    )
    return door.remember(make_response("", 204), token)


def found() -> kept.Kept | None:
    """What this browser's token finds, for whoever is signed in."""
    return kept.find(db.session(), request.cookies.get(door.COOKIE, ""), g.actor.id)


@bp.get("")
@allow("")
def show() -> ResponseReturnValue:
    """What was written, to be sent now or thrown away."""
    form = found()
    if form is None:
        return redirect(url_for("dashboard.index"))
    shown = [(name, value) for name, value in form.fields if value.strip() and name not in ("version", "language", "t")]
    return render_template("account/kept.html", form=form, shown=shown[:SHOWN])


@bp.post("/discard")
@allow("")
def discard() -> ResponseReturnValue:
    """Throw it away."""
    form = found()
    if form is None:
        abort(404)
    kept.forget(db.session(), form.token)
    flash(_("It was thrown away."), "success")
    return _without(redirect(url_for("dashboard.index"), 303))


@bp.post("/back")
@allow("")
def back() -> ResponseReturnValue:
    """Send it now, to where it was to be sent: the browser does that, so that it is one more click of its writer."""
    form = found()
    if form is None:
        abort(404)
    kept.forget(db.session(), form.token)
    return _without(redirect(form.path, 307))


def _without(response: ResponseReturnValue) -> ResponseReturnValue:
    answer = make_response(response)
    answer.delete_cookie(door.COOKIE, path="/")
    return answer
