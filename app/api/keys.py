"""/keys: keys of the API, shown whole once."""

from typing import Any, Literal
from uuid import UUID

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.access import keys
from app.domain.access.models import ApiKey
from app.domain.approvals import rights
from app.domain.events import page_keys
from app.http.auth import allow
from app.http.compression import told_once
from app.http.inputs import Strict

bp = Blueprint("keys_api", __name__, url_prefix="/keys")

_FIELDS = (
    "id", "user_id", "name", "kind", "prefix", "scopes", "origins", "is_waiting", "created_at", "expires_at", "used_at",
)  # fmt: skip


class KeyInput(Strict):
    """A new key of one's own: a secret one with its scopes, or a public one for pages of some origins."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["secret", "public"] = "secret"
    scopes: list[str] = Field(default=[], max_length=100)
    origins: list[str] = Field(default=[], max_length=100)


class OriginsInput(Strict):
    """Which pages a public key serves."""

    origins: list[str] = Field(max_length=100)


def serialize(key: ApiKey) -> dict[str, Any]:
    """A key as the API shows it, without its secret; a public one is none."""
    return {name: getattr(key, name) for name in _FIELDS} | ({"public_key": key.shown} if key.shown else {})


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
    if wanted.kind == "public":
        key = page_keys.create(session, name=wanted.name, origins=wanted.origins, by=g.actor)
        return envelope.ok(serialize(key), 201, location=f"/api/v1/keys/{key.id}")
    if not wanted.scopes:
        raise Invalid.field("scopes", mark("This field is required."))
    whole, request = rights.new_key(session, name=wanted.name, scopes=wanted.scopes, by=g.actor)
    told = {"secret_key": told_once(whole), "approval_id": request.id if request else None}
    made = serialize(keys.of_whole(session, whole)) | told
    return envelope.ok(made, 201, location=f"/api/v1/keys/{made['id']}")


@bp.patch("/<uuid:key_id>")
@allow("")
def change(key_id: UUID) -> ResponseReturnValue:
    """Say which origins a public key serves."""
    wanted = envelope.body(OriginsInput)
    return envelope.ok(serialize(page_keys.serve(db.session(), key_id, wanted.origins, by=g.actor)))


@bp.delete("/<uuid:key_id>")
@allow("")
def revoke(key_id: UUID) -> ResponseReturnValue:
    """End a key at once."""
    keys.revoke(db.session(), key_id, by=g.actor)
    return envelope.nothing()
