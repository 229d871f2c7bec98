"""Events in the browser: what comes in, which names there are, who waits for them, and how pages tell of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from app.core.db import db
from app.domain.events import listing, page_keys
from app.domain.events.listing import Name
from app.domain.reports import naming
from app.http.auth import allow
from app.web import paging
from app.web.audit_labels import kinds
from app.web.navigation import exists
from app.web.render import page_or_part

bp = Blueprint("events", __name__, url_prefix="/events")
MOST = 8  # properties in a line
_KINDS = {"flows": "flow", "segments": "segment"}


@dataclass(frozen=True)
class Listener:
    """A flow or segment that waits for a name."""

    name: str
    url: str


@bp.app_template_global()
def script_address() -> str:
    """Where the script for the pages of the bank's site is read."""
    return f"{current_app.config['SETTINGS'].base_url}{url_for('public.script')}"


@bp.app_template_filter("bag")
def bag(properties: Mapping[str, Any]) -> Markup:
    """The properties of an event in a line."""
    shown = list(properties.items())[:MOST]
    more = "" if len(shown) == len(properties) else " …"
    return Markup(" · ").join(Markup("<bdi>%s: %s</bdi>") % (name, _value(value)) for name, value in shown) + more


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)[:80]
    return str("–" if value is None else value)[:80]


@bp.get("")
@allow("events:read")
def index() -> ResponseReturnValue:
    """What comes in; the first page follows by itself."""
    name = request.args.get("event", "").strip()
    page = listing.listed(db.session(), paging.asked(), name=name, by=g.actor)
    return page_or_part(
        "events/index.html",
        "events/_events.html",
        page=page,
        name=name,
        is_first=not request.args.get("cursor"),
        example_key=page_keys.example(db.session(), by=g.actor),
    )


@bp.get("/names")
@allow("events:read")
def names() -> ResponseReturnValue:
    """The names: looked up after the page, because a busy bank has millions of events in a month."""
    found = listing.names(db.session(), by=g.actor)
    return render_template("events/_names.html", names=found, listeners=_listeners(found))


def _listeners(names: list[Name]) -> dict[str, list[Listener]]:
    every = {subject for one in names for _, subject in one.listeners}
    called = naming.names(db.session(), every, by=g.actor)
    return {
        one.name: [Listener(called.get(subject, "–"), _page(consumer, subject)) for consumer, subject in one.listeners]
        for one in names
    }


def _page(consumer: str, subject: object) -> str:
    known = kinds().get(_KINDS[consumer])
    endpoint, name = known.page if known else ("", "")
    values: dict[str, Any] = {name: subject}
    return url_for(endpoint, **values) if endpoint and exists(endpoint) else ""
