"""The list of contacts: filters in the address, what was typed sealed there, keyset pages, masked people."""

from functools import cache
from typing import Any
from uuid import UUID

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import Select
from sqlalchemy.orm import Session

from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.consent import ledger
from app.domain.contacts import groups, profile, search
from app.domain.contacts.models import STATUSES
from app.domain.contacts.search import Filter
from app.domain.segments import library, membership
from app.http.auth import allow
from app.web import paging, sought
from app.web.badges import badge
from app.web.contacts import words
from app.web.contacts.blueprint import bp
from app.web.locale import current_language
from app.web.render import is_part_wanted, page_or_part

FILTERS = ("tag", "group", "status", "segment", "deleted", "test")


@bp.get("")
@allow("contacts:read")
def index() -> ResponseReturnValue:
    """Contacts, the newest first. Names and addresses are masked for everybody."""
    session, wanted = db.session(), _wanted()
    page = search.listed(session, wanted, paging.asked(), by=g.actor)
    people = profile.masked_all(session, page.items)
    consents = _consents(ledger.states_of(session, people))
    return page_or_part(
        "contacts/index.html",
        "contacts/_contacts.html",
        page=page,
        rows=[(contact, people[contact.id], consents[contact.id]) for contact in page.items],
        words=wanted.q,
        is_filtered=bool(wanted.q) or any(request.args.get(name) for name in FILTERS),
        **({} if is_part_wanted() else _choices(session)),
    )


@bp.post("/search")
@allow("contacts:read")
def find() -> ResponseReturnValue:
    """The form above the list."""
    return sought.leads_to(".index", "q", FILTERS)


def _choices(session: Session) -> dict[str, Any]:
    """What can be chosen in the filters; only the whole page draws them."""
    return {
        "statuses": STATUSES,
        "tags": search.tags(session),
        "groups": groups.names(session),
        "segments": library.names(session, by=g.actor),
    }


@bp.get("/count")
@allow("contacts:read")
def count() -> ResponseReturnValue:
    """How long the list is; a long one asks for it after it is shown."""
    return render_template("contacts/_count.html", number=search.count(db.session(), _wanted(), by=g.actor))


def _consents(states: dict[UUID, dict[str, str]]) -> dict[UUID, list[Markup]]:
    """What is known of each contact's consent."""
    drawn = _drawn(current_language())
    return {
        contact_id: [drawn[pair] for pair in known.items() if pair in drawn] for contact_id, known in states.items()
    }


@cache
def _drawn(_language: str) -> dict[tuple[str, str], Markup]:
    return {
        (channel, state): badge(state, f"{_(name)}: {_(word)}", tone)
        for channel, name in words.CHANNELS.items()
        for state, (word, tone) in words.CONSENTS.items()
        if state != "unknown"
    }


def _wanted() -> Filter:
    given = request.args
    return Filter(
        q=sought.words(),
        tag=given.get("tag", ""),
        group=given.get("group", ""),
        status=given.get("status", ""),
        within=_segment(given.get("segment", "")),
        deleted=given.get("deleted") == "1",
        is_test=given.get("test") == "1",
    )


def _segment(given: str) -> Select[Any] | None:
    """The ids of a segment's contacts. Raises Invalid (not an id), NotFound."""
    if not given:
        return None
    try:
        segment_id = UUID(given)
    except ValueError:
        raise Invalid.field("segment", mark("This is not a valid id.")) from None
    return membership.audience(db.session(), [segment_id], [])
