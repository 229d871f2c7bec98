"""How two or three segments overlap, with a link that makes a segment of every part."""

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import DomainError
from app.domain.segments import library, overlap
from app.domain.segments.overlap import Overlap, Piece
from app.http.auth import allow
from app.http.errors import said
from app.web.render import page_or_part
from app.web.segments.blueprint import bp


@bp.get("/overlap")
@allow("segments:read")
def overlapping() -> ResponseReturnValue:
    """Two or three segments to choose, and every combination of them."""
    chosen = request.args.getlist("segment", type=UUID)
    values: dict[str, Any] = {
        "chosen": chosen,
        "choices": library.names(db.session(), by=g.actor),
        "most": overlap.MOST,
    }
    values |= {"found": None, "wrong": "", "rows": []}
    if len(chosen) >= overlap.FEWEST:
        try:
            values["found"] = found = overlap.overlap(db.session(), chosen, by=g.actor)
        except DomainError as error:
            values["wrong"] = said(error.details[0] if error.details else error)
        else:
            values["rows"] = [_row(piece) for piece in found.pieces]
            values["either"] = _either(found)
    return page_or_part("segments/overlap.html", "segments/_overlap.html", **values)


def _row(piece: Piece) -> dict[str, Any]:
    """A part of the picture: its name, its size and where it becomes a segment."""
    every, without = ([one.id for one in some] for some in (piece.inside, piece.outside))
    return {
        "inside": [one.name for one in piece.inside],
        "outside": [one.name for one in piece.outside],
        "number": piece.number,
        "share": piece.share,
        "url": url_for(".create", all=every, none=without),
    }


def _either(found: Overlap) -> dict[str, Any]:
    ids = [one.id for one, _size in found.segments]
    return {"name": _("In any of them"), "number": found.together, "url": url_for(".create", any=ids)}
