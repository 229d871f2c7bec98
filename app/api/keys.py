"""/keys: keys of the API, shown whole once."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.core.db import db
from app.domain.access import keys
from app.domain.access.models import ApiKey
from app.domain.approvals import rights
from app.http.auth import allow
from app.http.compression import told_once
from app.http.inputs import Strict

bp = Blueprint("keys_api", __name__, url_prefix="/keys")

_FIELDS = ("id", "user_id", "name", "kind", "prefix", "scopes", "is_waiting", "created_at", "expires_at", "used_at")


class KeyInput(Strict):
    """A new key of one's own."""

    name: str = Field(min_length=1, max_length=80)
    scopes: list[str] = Field(min_length=1, max_length=100)


def serialize(key: ApiKey) -> dict[str, Any]:
    """A key as the API shows it, without its secret."""
    return {name: getattr(key, name) for name in _FIELDS}


@bp.get("")
@allow("")
def index() -> ResponseReturnValue:
    """One's own keys, or all for who may write keys."""
    return envelope.all_of(keys.listed(db.session(), by=g.actor), serialize)


@bp.post("")
@envelope.once("")
def create() -> ResponseReturnValue:
    """Make a key that may no more than the one it is made with; `secret_key` is shown here and never again."""
    wanted, session = envelope.body(KeyInput), db.session()
    whole, request = rights.new_key(session, name=wanted.name, scopes=wanted.scopes, by=g.actor)
    told = {"secret_key": told_once(whole), "approval_id": request.id if request else None}
    made = serialize(keys.of_whole(session, whole)) | told
    return envelope.ok(made, 201, location=f"/api/v1/keys/{made['id']}")


@bp.delete("/<uuid:key_id>")
@allow("")
def revoke(key_id: UUID) -> ResponseReturnValue:
    """End a key at once."""
    keys.revoke(db.session(), key_id, by=g.actor)
    return envelope.nothing()
