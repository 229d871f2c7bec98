"""/replies: what people answered, and who has seen to it."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.core.db import db
from app.domain.messages import replies
from app.domain.messages.models import Reply
from app.domain.messages.replies import Words
from app.http.auth import allow

bp = Blueprint("replies_api", __name__, url_prefix="/replies")


def reply_out(reply: Reply, words: Words) -> dict[str, Any]:
    """A reply as the API shows it: its number masked, its words for those who handle replies or may see people."""
    names = ("id", "contact_id", "channel", "meaning", "written_at", "received_at", "handled_at", "handled_by")
    return {**{name: getattr(reply, name) for name in names}, "from": words.sender, "text": words.text}


@bp.get("")
@allow("messages:read")
@envelope.asks("contact", "state", paged=True)
def index() -> ResponseReturnValue:
    """List replies that wait for a person, newest first; `state=all` lists all, `contact` those of one contact."""
    session, contact_id = db.session(), envelope.query_uuid("contact")
    is_open = request.args.get("state", "") != "all"
    page = replies.listed(session, envelope.ask(), by=g.actor, is_open=is_open, contact_id=contact_id)
    words = replies.words(session, page.items, by=g.actor)
    return envelope.listed(page, lambda reply: reply_out(reply, words[reply.id]))


@bp.post("/<uuid:reply_id>/handle")
@envelope.once("messages:operate")
def handle(reply_id: UUID) -> ResponseReturnValue:
    """Note that a person has seen to it."""
    session = db.session()
    reply = replies.handle(session, reply_id, by=g.actor)
    return envelope.ok(reply_out(reply, replies.words(session, [reply], by=g.actor)[reply.id]))
