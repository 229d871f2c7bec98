"""Requests for a second person's decision: mine, all, decided; the bell (D2)."""

from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.domain.access import users
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.http.auth import allow
from app.web import acts, paging
from app.web.render import page_or_part

bp = Blueprint("approvals", __name__, url_prefix="/approvals")

# Where a subject is reviewed: its page and the name of its id there.
REVIEWS = {"campaign": ("campaigns.review", "campaign_id")}


@bp.get("")
@allow("approvals:read")
def index() -> ResponseReturnValue:
    """The requests I can decide; or all, or the decided ones."""
    session, asked = db.session(), paging.asked()
    view = request.args.get("view") or ("mine" if g.actor.may("approvals:decide") else "all")
    if view == "mine":
        page = decisions.waiting(session, asked, by=g.actor)
    else:
        page = decisions.listed(session, asked, by=g.actor, state="decided" if view == "decided" else "")
    people = {person for approval in page.items for person in (approval.made_by, approval.decided_by) if person}
    return page_or_part(
        "approvals/index.html",
        "approvals/_requests.html",
        page=page,
        view=view,
        names=users.names(session, list(people)),
        review_of=review_of,
        kind_of=acts.kind,
    )


@bp.get("/bell")
@allow("")
def bell() -> ResponseReturnValue:
    """How many requests wait for me, for the top bar."""
    return render_template("approvals/_bell.html", waiting=decisions.waiting_for(db.session(), by=g.actor))


def review_of(approval: Approval) -> str:
    """The page on which a request is decided."""
    endpoint, name = REVIEWS[approval.subject_kind]
    values: dict[str, Any] = {name: approval.subject_id}
    return url_for(endpoint, **values)
