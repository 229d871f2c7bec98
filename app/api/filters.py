"""/filters: filters of lists that are kept by a name."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.core.db import db
from app.domain.filters import saved
from app.domain.filters.saved import FilterChange, FilterInput, Shown
from app.http.auth import allow

bp = Blueprint("filters_api", __name__, url_prefix="/filters")


def serialize(one: Shown) -> dict[str, Any]:
    """A filter as the key's user sees it."""
    names = ("id", "of_list", "name", "narrows", "is_shared", "created_by", "created_at")
    return {
        **{name: getattr(one.row, name) for name in names},
        "is_default": one.is_default,
        "is_usable": one.is_usable,
    }


@bp.get("")
@allow("filters:use")
@envelope.asks("of_list")
def index() -> ResponseReturnValue:
    """The filters of a list (`of_list`, such as bank.outcomes): one's own and those that are shared."""
    return envelope.all_of(saved.listed(db.session(), envelope.word("of_list"), by=g.actor), serialize)


@bp.post("")
@envelope.once("filters:use")
def save() -> ResponseReturnValue:
    """Keep a filter; `narrows` are names and values of the list's query."""
    return envelope.ok(serialize(saved.save(db.session(), envelope.body(FilterInput), by=g.actor)), 201)


@bp.patch("/<uuid:filter_id>")
@envelope.once("filters:use")
def change(filter_id: UUID) -> ResponseReturnValue:
    """Rename it, share it, let the list open with it; what the body leaves out stays."""
    session = db.session()
    now = serialize(saved.one(session, filter_id, by=g.actor))
    new = envelope.patched(FilterChange, {name: now[name] for name in FilterChange.model_fields})
    return envelope.ok(serialize(saved.change(session, filter_id, new, by=g.actor)))


@bp.delete("/<uuid:filter_id>")
@allow("filters:use")
def delete(filter_id: UUID) -> ResponseReturnValue:
    """Forget it."""
    saved.delete(db.session(), filter_id, by=g.actor)
    return envelope.nothing()
