"""/track, /identify, /batch: what customers do, told by pages and systems; /events: what was told."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.core.db import db
from app.core.errors import DomainError, Invalid, mark
from app.domain.events import listing, tracking, visitors
from app.domain.events.listing import Name
from app.domain.events.said import EventInput
from app.domain.events.tracking import Refused
from app.domain.events.visitors import IdentifyInput, PageIdentifyInput
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.http.inputs import Strict
from app.http.origins import for_pages
from app.http.rates import rated
from app.http.sizes import MB, takes

bp = Blueprint("events_api", __name__)


class BatchInput(Strict):
    """Up to a thousand events; each is looked at for itself."""

    events: list[Any]


@bp.post("/track")
@for_pages
@rated("track")
@envelope.once("events:track")
def track() -> ResponseReturnValue:
    """Tell of one event."""
    taken = tracking.track(db.session(), [envelope.body(EventInput)], by=g.actor)
    for one in taken.refused:
        raise one.why
    return envelope.ok({"accepted": taken.accepted, "repeated": taken.repeated}, 202)


@bp.post("/batch")
@for_pages
@rated("track")
@takes(9 * MB)
@envelope.once("events:track")
def batch() -> ResponseReturnValue:
    """Tell of up to 1,000 events; those that cannot be taken are named by their place, the others are."""
    events = [_read(one) for one in envelope.body(BatchInput).events]
    taken = tracking.track(db.session(), events, by=g.actor)
    refused = [_refused(one) for one in taken.refused]
    return envelope.ok({"accepted": taken.accepted, "repeated": taken.repeated, "refused": refused}, 202)


@bp.post("/identify")
@for_pages
@rated("track")
@envelope.once("events:track")
def identify() -> ResponseReturnValue:
    """Say who somebody is. A secret key makes and changes contacts; what a public key says stays unverified beside its visitor."""
    session = db.session()
    if g.actor.kind == "public":
        visitors.say(session, envelope.body(PageIdentifyInput), by=g.actor)
        return envelope.ok({"accepted": 1}, 202)
    known = visitors.identify(session, envelope.body(IdentifyInput), by=g.actor)
    told = {"accepted": 1, "contact": known.contact_id, "created": known.is_new, "events": known.events}
    return envelope.ok(told, 202)


@bp.get("/events")
@allow("events:read")
@envelope.asks("event", paged=True)
def index() -> ResponseReturnValue:
    """List events as they came in, the newest first; `event` lists those of a name."""
    page = listing.listed(db.session(), envelope.ask(), name=envelope.word("event"), by=g.actor)
    return envelope.listed(page, asdict)


@bp.get("/events/names")
@allow("events:read")
def names() -> ResponseReturnValue:
    """List the names of events, how often each was told in a day and in 30 days, and which flows and segments wait for it."""
    return envelope.all_of(listing.names(db.session(), by=g.actor), _name)


def _name(one: Name) -> dict[str, Any]:
    listeners = [{"consumer": consumer, "id": subject} for consumer, subject in one.listeners]
    return {"name": one.name, "day": one.day, "month": one.month, "listeners": listeners}


def _read(one: Any) -> EventInput | DomainError:
    if not isinstance(one, dict):
        return Invalid(mark("An event is an object."))
    try:
        return inputs.read(EventInput, one)
    except Invalid as error:
        return error


def _refused(one: Refused) -> dict[str, Any]:
    details = [{"field": issue.field, "issue": said(issue)} for issue in one.why.details]
    message = details[0]["issue"] if details else said(one.why)
    return {"index": one.index, "code": one.why.code, "message": message, "details": details}
