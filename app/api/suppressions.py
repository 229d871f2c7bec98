"""/suppressions: addresses nobody may write to."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.core.db import db
from app.domain.consent import suppression
from app.domain.consent.models import Suppression
from app.http.auth import allow
from app.http.inputs import Strict

bp = Blueprint("suppressions_api", __name__, url_prefix="/suppressions")


class SuppressionInput(Strict):
    """An address to be suppressed."""

    address: str = Field(min_length=3, max_length=320)
    channel: str
    reason: str = "manual"


class Why(Strict):
    """Why an address may be written to again."""

    reason: str = Field(min_length=1, max_length=500)


def _shown(row: Suppression, address: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "channel": row.channel,
        "address": address,
        "reason": row.reason,
        "source": row.source,
        "at": row.at,
    }


@bp.get("")
@allow("suppressions:read")
def index() -> ResponseReturnValue:
    """The list, addresses masked; filters `channel` and `address` (exact)."""
    wanted = {"channel": request.args.get("channel", ""), "address": request.args.get("address", "")}
    page = suppression.listed(db.session(), envelope.ask(), by=g.actor, **wanted)
    masked = suppression.masked(db.session(), page.items)
    return envelope.listed(page, lambda row: _shown(row, masked[row.id]))


@bp.post("")
@envelope.once("suppressions:write")
def create() -> ResponseReturnValue:
    """Suppress an address; nothing changes if it stands there already."""
    new = envelope.body(SuppressionInput)
    suppression.add(db.session(), new.address, channel=new.channel, reason=new.reason, by=g.actor)
    return envelope.ok({"channel": new.channel, "reason": new.reason}, 201)


@bp.delete("/<uuid:suppression_id>")
@allow("suppressions:write")
def lift(suppression_id: UUID) -> ResponseReturnValue:
    """Take an address off the list; the reason is in the body or in `?reason=`."""
    why = (
        envelope.body(Why)
        if request.content_length
        else Why(reason=request.args.get("reason", "") or "lifted over the API")
    )
    suppression.lift(db.session(), suppression_id, reason=why.reason, by=g.actor)
    return envelope.nothing()
