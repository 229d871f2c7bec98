"""The list of segments."""

from flask import g, request
from flask.typing import ResponseReturnValue

from app.core.db import db
from app.domain.segments import library
from app.http.auth import allow
from app.web import paging
from app.web.render import page_or_part
from app.web.segments import shown
from app.web.segments.blueprint import bp


@bp.get("")
@allow("segments:read")
def index() -> ResponseReturnValue:
    """Segments by name or words in it, those put away apart."""
    text, is_archived = request.args.get("q", "").strip(), request.args.get("state") == "archived"
    page = library.listed(db.session(), paging.asked(), by=g.actor, text=text, is_archived=is_archived)
    sentences = {one.id: shown.sentence_of(one) for one in page.items}
    wanted = {"text": text, "is_archived": is_archived}
    return page_or_part("segments/index.html", "segments/_segments.html", page=page, sentences=sentences, wanted=wanted)
