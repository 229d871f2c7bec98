"""The versions of a segment: what each changed, in words, and the way back to it."""

from uuid import UUID

from flask import flash, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import NotFound
from app.domain.access import users
from app.domain.segments import library, versions
from app.domain.segments.models import Segment
from app.http.auth import allow
from app.http.errors import said
from app.web import paging
from app.web.render import leave_for, page_or_part
from app.web.segments import shown
from app.web.segments.blueprint import bp
from app.web.segments.shown import Line


@bp.get("/<uuid:segment_id>/versions")
@allow("segments:read")
def history_of(segment_id: UUID) -> ResponseReturnValue:
    """Every version, newest first; with `from` and `to` what is different between two."""
    session = db.session()
    segment = library.get(session, segment_id, by=g.actor)
    page = versions.listed(session, segment_id, paging.asked(), by=g.actor)
    changes = versions.changes(session, page.items)
    values = {
        "page": page,
        "names": users.names(session, [one.made_by for one in page.items if one.made_by]),
        "sentences": {one.number: shown.sentence(versions.definition_of(session, one)) for one in page.items},
        "changes": {number: shown.differences(one) for number, one in changes.items()},
        "wanted": {name: request.args.get(name, type=int) for name in ("from", "to")},
        "segment": segment,
        "actions": library.possible(segment, by=g.actor),
        **_compared(segment),
    }
    return page_or_part("segments/versions.html", "segments/_versions.html", tab="versions", **values)


def _compared(segment: Segment) -> dict[str, str | list[Line] | None]:
    """The difference that was asked for, or why there is none."""
    old, new = (request.args.get(name, type=int) for name in ("from", "to"))
    if old is None or new is None:
        return {"compared": None, "unknown": ""}
    session = db.session()
    try:
        both = [versions.one(session, segment.id, number, by=g.actor) for number in (old, new)]
    except NotFound as error:
        return {"compared": None, "unknown": said(error)}
    return {"compared": shown.differences(versions.between(session, *both)), "unknown": ""}


@bp.post("/<uuid:segment_id>/versions/<int:number>/restore")
@allow("segments:write")
def restore(segment_id: UUID, number: int) -> ResponseReturnValue:
    """Make the segment what it was."""
    before = library.get(db.session(), segment_id, by=g.actor).version
    segment = library.restore(db.session(), segment_id, number, by=g.actor)
    if segment.version == before:
        flash(_("The segment is as it was in version %(number)s already.", number=number), "info")
    else:
        flash(
            _(
                "The segment is as it was in version %(number)s; this is version %(new)s.",
                number=number,
                new=segment.version,
            ),
            "success",
        )
    return leave_for(url_for(".history_of", segment_id=segment_id))


@bp.post("/<uuid:segment_id>/unarchive")
@allow("segments:write")
def unarchive(segment_id: UUID) -> ResponseReturnValue:
    """Bring it back out of the archive."""
    library.unarchive(db.session(), segment_id, by=g.actor)
    flash(_("The segment is back."), "success")
    return leave_for(url_for(".show", segment_id=segment_id))
