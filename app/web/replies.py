"""Replies in the browser: what people answered and nothing could make of it, until somebody has seen to it."""

from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.domain.access import users
from app.domain.messages import masked_recipients, replies
from app.domain.messages.models import Reply
from app.http.auth import allow
from app.web import paging
from app.web.render import page_or_part, parts_or_redirect

bp = Blueprint("replies", __name__, url_prefix="/replies")


@bp.get("")
@allow("messages:read")
def index() -> ResponseReturnValue:
    """Those that wait, or all."""
    is_open = request.args.get("state", "") != "all"
    page = replies.listed(db.session(), paging.asked(), by=g.actor, is_open=is_open)
    return page_or_part("replies/index.html", "replies/_replies.html", page=page, is_open=is_open, **drawn(page.items))


@bp.post("/<uuid:reply_id>/handle")
@allow("messages:operate")
def handle(reply_id: UUID) -> ResponseReturnValue:
    """Somebody has seen to it."""
    reply = replies.handle(db.session(), reply_id, by=g.actor)
    flash(_("Noted: somebody has seen to it."), "success")
    return parts_or_redirect(url_for(".index"), "replies/_row.html", reply=reply, **drawn([reply]))


def drawn(rows: Sequence[Reply]) -> dict[str, object]:
    """What rows need beside the replies: their words, masked people, who handled them."""
    session = db.session()
    return {
        "words_of": replies.words(session, rows, by=g.actor),
        "recipients": masked_recipients.of(session, [row.contact_id for row in rows if row.contact_id]),
        "people": users.names(session, [row.handled_by for row in rows if row.handled_by]),
    }
