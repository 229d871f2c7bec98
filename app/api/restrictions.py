"""/bank/restrictions: how old the feed of restrictions is, and asking for it now."""

from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ConfigDict

from app.api import envelope
from app.core.db import db
from app.domain.bank import restrictions as feed
from app.domain.consent import restrictions
from app.domain.consent.models import RestrictionFeed
from app.http.auth import allow

bp = Blueprint("restrictions_api", __name__, url_prefix="/bank/restrictions")
_FIELDS = ("state", "records", "unknown", "failure", "asked_at", "fed_at")


class FeedInput(BaseModel):
    """Whether the feed may lift most of the flags there are."""

    model_config = ConfigDict(extra="forbid")

    accepts_fewer: bool = False


@bp.get("")
@allow("bank:read")
def show() -> ResponseReturnValue:
    """How far the feed is, how old, and how many people have each flag with the classes of messages it blocks."""
    return envelope.ok(_out(feed.state(db.session(), by=g.actor)))


@bp.post("")
@envelope.once("bank:write")
def ask() -> ResponseReturnValue:
    """Take the restrictions of the core bank now, and every morning from now on."""
    asked = envelope.body(FeedInput)
    row = feed.ask(db.session(), accepts_fewer=asked.accepts_fewer, by=g.actor)
    return envelope.ok(_out(row), 202, location="/api/v1/bank/restrictions")


def _out(row: RestrictionFeed | None) -> dict[str, Any]:
    counted = feed.counted(db.session(), by=g.actor)
    flags = {flag: {"people": counted[flag], "blocks": classes} for flag, classes in restrictions.BLOCKS.items()}
    state = {name: getattr(row, name, None) for name in _FIELDS}
    return {**state, "stale": restrictions.is_stale(row), "flags": flags}
