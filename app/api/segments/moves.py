"""/segments/{id}/growth and /moves: who came and who went; /segments/overlap: who is in several."""

from typing import Any
from uuid import UUID

from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from app.api import envelope
from app.api.segments.blueprint import bp
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.segments import growth, library, overlap
from app.http import inputs
from app.http.auth import allow


@bp.get("/overlap")
@allow("segments:read")
@envelope.asks("segments")
def overlapping() -> ResponseReturnValue:
    """How two or three segments (`segments`, their ids with commas) overlap: every combination, counted at this moment."""
    try:
        ids = [UUID(one.strip()) for one in request.args.get("segments", "").split(",") if one.strip()]
    except ValueError:
        raise Invalid.field("segments", mark("This is not a valid id.")) from None
    found = overlap.overlap(db.session(), ids, by=g.actor)
    return envelope.ok(
        {
            "segments": [{"id": one.id, "name": one.name, "size": size} for one, size in found.segments],
            "together": found.together,
            "parts": [
                {
                    "in": [one.id for one in piece.inside],
                    "not_in": [one.id for one in piece.outside],
                    "size": piece.number,
                    "share": round(piece.share, 6),
                }
                for piece in found.pieces
            ],
        }
    )


@bp.get("/<uuid:segment_id>/growth")
@allow("segments:read")
@envelope.asks("days")
def grown(segment_id: UUID) -> ResponseReturnValue:
    """The size of a segment at the end of each of the last `days` (90), and how many entered and left on it."""
    segment = library.get(db.session(), segment_id, by=g.actor)
    number = inputs.version(request.args.get("days", "90"))
    if number is None:
        raise Invalid.field("days", mark("This is not a whole number."))
    days = growth.by_day(db.session(), segment, number, by=g.actor)
    return envelope.ok(
        {
            "since": segment.filled_at,
            "as_of": segment.counted_at,
            "days": [{"day": one.day, "size": one.size, "entered": one.entered, "left": one.left} for one in days],
        }
    )


@bp.get("/<uuid:segment_id>/moves")
@allow("contacts:read")
@envelope.asks("entered", "whole", paged=True)
def moves(segment_id: UUID) -> ResponseReturnValue:
    """Who came into a segment and who went out of it, newest first, each with the reason.

    `entered` is true or false for one of the two; with `whole` those who were in it when it was first counted come, too.
    """
    session = db.session()
    segment = library.get(session, segment_id, by=g.actor)
    side = request.args.get("entered", "")
    if side not in ("", "true", "false"):
        raise Invalid.field("entered", mark("Choose one of the values offered."))
    page = growth.moves(
        session,
        segment,
        envelope.ask(),
        entered=side == "true" if side else None,
        is_whole=request.args.get("whole") == "true",
        by=g.actor,
    )
    return envelope.listed(page, move_out)


def move_out(row: Row[Any]) -> dict[str, Any]:
    """A move as the API shows it."""
    return {
        "at": row.at,
        "contact": row.contact_id,
        "external_id": row.external_id,
        "entered": row.entered,
        "reason": row.reason,
        "version": row.version,
        "change": row.change_id,
    }
