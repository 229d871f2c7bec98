"""/suppressions: addresses nobody may write to."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.api.approvals import request_out
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.approvals.models import Approval
from app.domain.consent import reopening, suppression
from app.domain.consent.models import Suppression
from app.http.auth import allow
from app.http.inputs import Strict
from app.http.sizes import MB, takes

bp = Blueprint("suppressions_api", __name__, url_prefix="/suppressions")

_FIELDS = ("id", "channel", "reason", "source", "at", "added_by")


class SuppressionInput(Strict):
    """An address to be left alone on a channel."""

    address: str = Field(min_length=1, max_length=320)
    channel: str
    reason: str = "manual"


class Lifting(Strict):
    """Why an address may be written to again."""

    reason: str = Field(default="", max_length=500)


def serialize(row: Suppression) -> dict[str, Any]:
    """A suppression as the API shows it: in clear for those who keep the list, masked for others."""
    session = db.session()
    clear = g.actor.may("suppressions:write")
    address = suppression.shown(session, row, by=g.actor) if clear else suppression.masked(session, [row])[row.id]
    return {**{name: getattr(row, name) for name in _FIELDS}, "address": address}


@bp.get("")
@allow("suppressions:read")
@envelope.asks("channel", "address", paged=True)
def index() -> ResponseReturnValue:
    """List what stands; filters `channel` and `address` (exact)."""
    given = request.args
    page = suppression.listed(
        db.session(), envelope.ask(), by=g.actor, channel=given.get("channel", ""), address=given.get("address", "")
    )
    return envelope.listed(page, serialize)


@bp.post("")
@envelope.once("suppressions:write")
def add() -> ResponseReturnValue:
    """Suppress an address: 201. One that stands already changes nothing: 200."""
    new = envelope.body(SuppressionInput)
    session = db.session()
    is_new = suppression.add(session, new.address, channel=new.channel, reason=new.reason, by=g.actor)
    found = suppression.listed(session, envelope.ask(), by=g.actor, channel=new.channel, address=new.address)
    row = found.items[0]
    return envelope.ok(serialize(row), 201 if is_new else 200, location=f"/api/v1/suppressions/{row.id}")


@bp.post("/import")
@envelope.once("suppressions:write")
@takes(8 * MB)
def add_list() -> ResponseReturnValue:
    """Suppress a list: a form with `file`, `channel` and `reason`; the numbers of the lines that hold no address."""
    sent = request.files.get("file")
    if sent is None:
        raise Invalid.field("file", mark("Send the file as “file” of a multipart form."))
    given = {"channel": request.form.get("channel", "email"), "reason": request.form.get("reason", "manual")}
    return envelope.ok(asdict(suppression.add_file(db.session(), sent.read(), **given, by=g.actor)), 201)


@bp.get("/export")
@allow("suppressions:write")
def export() -> ResponseReturnValue:
    """The whole list as CSV, in clear."""
    headers = {"Content-Disposition": 'attachment; filename="suppressions.csv"'}
    return Response(suppression.export(db.session(), by=g.actor), mimetype="text/csv", headers=headers)


@bp.get("/<uuid:suppression_id>")
@allow("suppressions:read")
def show(suppression_id: UUID) -> ResponseReturnValue:
    """One standing suppression."""
    return envelope.ok(serialize(suppression.get(db.session(), suppression_id, by=g.actor)))


@bp.delete("/<uuid:suppression_id>")
@allow("suppressions:write")
@envelope.asks("reason")
def lift(suppression_id: UUID) -> ResponseReturnValue:
    """Let it be written to again; say why in the body or as `?reason=`. Where its owner refused, a second person decides: 202."""
    reason = envelope.body(Lifting).reason or request.args.get("reason", "")
    lifted = reopening.lift(db.session(), suppression_id, reason=reason, by=g.actor)
    return envelope.ok(request_out(lifted), 202) if isinstance(lifted, Approval) else envelope.nothing()
