"""The doors of the stickers: a page and a job."""

from uuid import UUID

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from app.core.db import db
from app.http.auth import allow
from jobs.runtime import job, runtime
from tests.samples.stickers import stick as stickers
from tests.samples.stickers.models import Sticker

bp = Blueprint("stickers", __name__)


@bp.get("/stickers")
@allow("stickers:read")
def index() -> ResponseReturnValue:
    """All of them."""
    return ", ".join(db.session().execute(select(Sticker.word)).scalars())


@bp.post("/stickers")
@allow("stickers:write")
def stick() -> ResponseReturnValue:
    """One more."""
    stickers.stick(db.session(), UUID(request.form["contact"]), request.form["word"], by=g.actor)
    return redirect(url_for(".index"), 303)


@job
def take_off(organisation_id: UUID) -> None:
    """Take what is old off."""
    with runtime().unit(organisation_id) as session:
        stickers.take_off(session)
