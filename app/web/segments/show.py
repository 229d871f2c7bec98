"""One segment: what it means and how many, who is in it, why somebody is or is not, who uses it, its history."""

from typing import Any
from uuid import UUID

from flask import flash, g, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import NotFound, Unavailable
from app.domain.audit import trail
from app.domain.segments import explain, library, membership
from app.domain.segments.library import SUBJECT
from app.domain.segments.models import Segment
from app.http.auth import allow
from app.http.errors import said
from app.web import paging, sought
from app.web.render import leave_for, page_or_part, parts_or_redirect
from app.web.segments import shown
from app.web.segments.blueprint import bp


@bp.get("/<uuid:segment_id>")
@allow("segments:read")
def show(segment_id: UUID) -> ResponseReturnValue:
    """The overview. Counting the conditions is a part of its own, so that a slow count never holds up the page."""
    return render_template("segments/show.html", tab="overview", **_overview(_segment(segment_id)), counted=False)


@bp.get("/<uuid:segment_id>/outline")
@allow("segments:read")
def outline(segment_id: UUID) -> ResponseReturnValue:
    """The conditions, each with how many it matches by itself."""
    segment = _segment(segment_id)
    definition = library.definition_of(db.session(), segment)
    values = {**_overview(segment), "counted": True}
    try:
        found = membership.numbers(db.session(), definition)
    except Unavailable as error:
        values["too_slow"] = said(error)
    else:
        values |= {"outline": shown.outline(definition, found.by_condition), "numbers": found}
    return page_or_part("segments/show.html", "segments/_outline.html", tab="overview", **values)


def _overview(segment: Segment) -> dict[str, Any]:
    definition = library.definition_of(db.session(), segment)
    return {
        **_head(segment),
        "sentence": shown.sentence(definition),
        "outline": shown.outline(definition, {}),
        "zone": definition.zone,
        "users": library.users_of(db.session(), segment, by=g.actor),
    }


@bp.get("/<uuid:segment_id>/contacts")
@allow("contacts:read")
def people(segment_id: UUID) -> ResponseReturnValue:
    """Who is in it now, without personal data."""
    segment = _segment(segment_id)
    page = membership.contacts(db.session(), segment, paging.asked(), by=g.actor)
    return page_or_part("segments/people.html", "segments/_people.html", tab="people", page=page, **_head(segment))


@bp.get("/<uuid:segment_id>/why")
@allow("contacts:read")
def why(segment_id: UUID) -> ResponseReturnValue:
    """Why one contact is in it or not."""
    segment, asked = _segment(segment_id), sought.words()
    values: dict[str, Any] = {**_head(segment), "asked": asked, "about": None, "unknown": ""}
    if asked:
        values |= _about(segment, asked)
    return page_or_part("segments/why.html", "segments/_why.html", tab="why", **values)


@bp.post("/<uuid:segment_id>/why")
@allow("contacts:read")
def ask_why(segment_id: UUID) -> ResponseReturnValue:
    """The question itself."""
    return sought.leads_to(".why", "contact", segment_id=segment_id)


def _about(segment: Segment, asked: str) -> dict[str, Any]:
    session = db.session()
    try:
        about = explain.explain(session, segment, explain.find(session, asked, by=g.actor), by=g.actor)
    except NotFound as error:
        return {"unknown": said(error)}
    return {"about": about, "outline": shown.outline(library.definition_of(session, segment), {}, about)}


@bp.get("/<uuid:segment_id>/history")
@allow("segments:read")
def history(segment_id: UUID) -> ResponseReturnValue:
    """Who changed what, with both sentences where the conditions changed."""
    segment = _segment(segment_id)
    page = trail.entries(db.session(), paging.asked(), by=g.actor, subject=(SUBJECT, str(segment.id)))
    drawn = shown.versions(page.items)
    return page_or_part(
        "segments/history.html", "segments/_history.html", tab="history", page=page, **_head(segment), acts=drawn
    )


@bp.post("/<uuid:segment_id>/recount")
@allow("segments:read")
def recount(segment_id: UUID) -> ResponseReturnValue:
    """Count it now."""
    segment = library.recount(db.session(), segment_id, by=g.actor)
    flash(_("Counted: %(size)s contacts.", size=segment.size), "success")
    return parts_or_redirect(url_for(".show", segment_id=segment_id), "segments/_size.html", segment=segment)


@bp.post("/<uuid:segment_id>/archive")
@allow("segments:write")
def archive(segment_id: UUID) -> ResponseReturnValue:
    """Put it away; refused while something uses it."""
    library.archive(db.session(), segment_id, by=g.actor)
    flash(_("The segment is archived."), "success")
    return leave_for(url_for(".index"))


def _head(segment: Segment) -> dict[str, Any]:
    """What the head of every tab needs."""
    return {"segment": segment, "actions": library.possible(segment, by=g.actor)}


def _segment(segment_id: UUID) -> Segment:
    return library.get(db.session(), segment_id, by=g.actor)
