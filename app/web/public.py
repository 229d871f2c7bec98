"""The public face: opens, clicks, unsubscribes and leaving a report by signed links, and the script of pages.

Nothing here tells who exists.
"""

from base64 import b64decode

from flask import Blueprint, Response, abort, current_app, g, redirect, render_template, request, send_from_directory
from flask.typing import ResponseReturnValue

from app.core import i18n
from app.core.actor import system
from app.core.db import db
from app.core.links import Links, Target
from app.core.unit import act_as
from app.domain.access.keyring import organisation_of
from app.domain.messages import shortlinks, tracking
from app.domain.reports import subscribers
from app.domain.reports.models import Subscriber
from app.http import security
from app.http.auth import public
from app.http.rates import rated
from app.web.assets import FOLDER

bp = Blueprint("public", __name__)

_PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def _target(token: str, kind: str) -> Target:
    target = Links(current_app.config["SETTINGS"]).read(token, kind)
    if target is None and kind == "u":
        target = shortlinks.find(db.session(), token)
    if target is None:
        abort(404)
    g.actor = None
    act_as(db.session(), system(target.organisation_id))
    return target


def _is_ahead() -> bool:
    """True if nobody has asked yet: only the head is wanted, or a program says that it fetches ahead."""
    said = " ".join(request.headers.get(name, "") for name in _PURPOSES).lower()
    return request.method == "HEAD" or any(word in said for word in ("prefetch", "preview", "prerender"))


def _reader(target: Target) -> tracking.Reader:
    """Who it is; the page speaks the language of his message."""
    reader = tracking.reader(db.session(), target)
    if reader is None:
        abort(404)
    g.language = i18n.language(reader.language)
    return reader


@bp.get("/js/carillon.js")
@public
def script() -> ResponseReturnValue:
    """The script for the pages of a bank's site, at an address that stays."""
    answer = send_from_directory(FOLDER / "js", "carillon.js", max_age=86400)
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


@bp.get("/o/<token>")
@public
@rated("public")
def opened(token: str) -> ResponseReturnValue:
    """The open pixel."""
    tracking.opened(db.session(), _target(token, "o"), request.headers.get("User-Agent"), is_ahead=_is_ahead())
    return Response(_PIXEL, mimetype="image/gif", headers={"Cache-Control": "no-store, private"})


@bp.get("/c/<token>")
@public
@rated("public")
def clicked(token: str) -> ResponseReturnValue:
    """A click: on to the address that stands in our own table, never to one given in the request."""
    address = tracking.clicked(
        db.session(), _target(token, "c"), request.headers.get("User-Agent"), is_ahead=_is_ahead()
    )
    if address is None:
        abort(404)
    return redirect(address, 302)


@bp.get("/u/<token>")
@public
@rated("public")
def ask_unsubscribe(token: str) -> ResponseReturnValue:
    """The page with one button: a mail scanner that follows links must not unsubscribe anybody."""
    reader = _reader(_target(token, "u"))
    return render_template(
        "public/unsubscribe.html", organisation=organisation_of(db.session()), token=token, done=reader.is_off
    )


@bp.post("/u/<token>")
@public
@rated("public")
def unsubscribe(token: str) -> ResponseReturnValue:
    """Unsubscribe, by the button or by a mail client's one click (RFC 8058)."""
    target = _target(token, "u")
    _reader(target)
    if not tracking.unsubscribed(db.session(), target, request.headers.get("User-Agent"), ip=request.remote_addr):
        abort(404)
    return render_template(
        "public/unsubscribe.html", organisation=organisation_of(db.session()), token=token, done=True
    )


@bp.get("/r/<token>")
@public
@rated("public")
def ask_leave(token: str) -> ResponseReturnValue:
    """What somebody gets of a report, with one button: a mail scanner that follows links must take nobody off."""
    return _report(token, _subscriber(token))


@bp.post("/r/<token>")
@public
@rated("public")
def leave(token: str) -> ResponseReturnValue:
    """Leave the report, by the button or by a mail client's one click (RFC 8058)."""
    row = _subscriber(token)
    subscribers.left_by_link(db.session(), row)
    return _report(token, row)


def _subscriber(token: str) -> Subscriber:
    """Whose link it is; the page speaks the language of his report."""
    row = subscribers.by_link(db.session(), _target(token, subscribers.LINK))
    g.language = row.language
    return row


def _report(token: str, row: Subscriber) -> str:
    programme = subscribers.programme_of(db.session(), row)
    organisation = organisation_of(db.session())
    return render_template("public/report.html", organisation=organisation, programme=programme, token=token, row=row)


security.exempt(unsubscribe)
security.exempt(leave)
security.may_come_from_other_sites(leave)
security.may_come_from_other_sites(unsubscribe)
