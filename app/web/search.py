"""The search palette: pages, campaigns, segments, templates, and contacts by name and number.

What is typed is posted and not part of an address: people type names and phones here, and addresses are logged.
"""

from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import mark
from app.core.text import clean
from app.domain.messages.words import CHANNEL
from app.domain.reports import finding
from app.domain.reports.finding import Found
from app.http.auth import allow
from app.web import badges, navigation
from app.web.render import page_or_part

bp = Blueprint("search", __name__)

Row = tuple[str, str, str, str]  # label, note, address, icon
_KINDS = {
    "campaign": (mark("Campaigns"), "mail", "campaigns.show"),
    "segment": (mark("Segments"), "filter", "segments.show"),
    "template": (mark("Templates"), "template", "templates.show"),
    "contact": (mark("Contacts"), "user", "contacts.show"),
}
PAGES = 6


@bp.get("/search")
@allow("")
def index() -> ResponseReturnValue:
    """A page with nothing but the field: the way to the search without script and on a phone."""
    return render_template("search/index.html", groups=[], words="")


@bp.post("/search/results")
@allow("")
def found() -> ResponseReturnValue:
    """Whatever fits what was typed; the palette when htmx asks."""
    words = clean(request.form.get("q", ""))[: finding.LONGEST]
    return page_or_part("search/index.html", "search/_found.html", groups=_groups(words), words=words)


def _groups(words: str) -> list[tuple[str, list[Row]]]:
    if not words:
        return []
    pages = [(_(entry.label), "", entry.url, entry.icon) for entry in navigation.pages(words)][:PAGES]
    things = finding.find(db.session(), words, by=g.actor)
    groups = [(_("Pages"), pages)]
    groups += [
        (_(label), [_row(one) for one in things if one.kind == kind]) for kind, (label, _i, _e) in _KINDS.items()
    ]
    return [(heading, rows) for heading, rows in groups if rows]


def _row(one: Found) -> Row:
    _label, symbol, endpoint = _KINDS[one.kind]
    named: dict[str, Any] = {f"{one.kind}_id": one.id}
    return one.name, _note(one), url_for(endpoint, **named), symbol


def _note(one: Found) -> str:
    if one.note is None:
        return ""
    return _(CHANNEL[one.note]) if one.kind == "template" else badges.label(one.note)
