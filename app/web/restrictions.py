"""Restrictions in the browser: how old the feed is, what each flag blocks, and taking it now."""

from flask import Blueprint, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.domain.bank import restrictions as feed
from app.domain.consent import restrictions
from app.http.auth import allow
from app.web.render import page_or_part

bp = Blueprint("restrictions", __name__, url_prefix="/bank/restrictions")


@bp.get("")
@allow("bank:read")
def index() -> ResponseReturnValue:
    """The feed and the flags; it polls while the feed is on its way."""
    row = feed.state(db.session(), by=g.actor)
    return page_or_part(
        "restrictions/index.html",
        "restrictions/_feed.html",
        feed=row,
        is_stale=restrictions.is_stale(row),
        is_coming=bool(row and row.state in ("queued", "running")),
        counted=feed.counted(db.session(), by=g.actor),
        labels=restrictions.LABELS,
        blocks=restrictions.BLOCKS,
    )


@bp.post("")
@allow("bank:write")
def take() -> ResponseReturnValue:
    """Take the feed now."""
    feed.ask(db.session(), accepts_fewer=request.form.get("accepts_fewer") == "y", by=g.actor)
    flash(_("The restrictions are being taken. This page follows."), "success")
    return redirect(url_for(".index"), 303)
