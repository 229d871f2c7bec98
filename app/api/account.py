"""/me: who the key speaks for."""

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.http.auth import allow

bp = Blueprint("account_api", __name__)


@bp.get("/me")
@allow("")
def me() -> ResponseReturnValue:
    """The key's user, role and permissions."""
    actor = g.actor
    return envelope.ok(
        {
            "user_id": actor.id,
            "name": actor.name,
            "role": actor.role,
            "organisation_id": actor.organisation_id,
            "permissions": sorted(actor.permissions),
        }
    )
