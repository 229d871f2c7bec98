"""The list of campaigns."""

from flask import g, request
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.domain.campaigns import drafts, results
from app.domain.campaigns.states import STATES
from app.http.auth import allow
from app.web import paging
from app.web.campaigns.blueprint import bp
from app.web.render import page_or_part

MOVING = ("approved", "running")


@bp.get("")
@allow("campaigns:read")
def index() -> ResponseReturnValue:
    """Campaigns, newest first, with how far the running ones are."""
    state, text = request.args.get("state", ""), request.args.get("q", "").strip()
    page = drafts.listed(db.session(), paging.asked(), by=g.actor, state=state, text=text)
    return page_or_part(
        "campaigns/index.html",
        "campaigns/_campaigns.html",
        page=page,
        states=STATES,
        progress=results.progress(db.session(), page.items, by=g.actor),
        is_moving=any(campaign.state in MOVING for campaign in page.items),
    )
