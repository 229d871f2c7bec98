"""/me and /sessions: who the key speaks for, what he likes, where he is signed in."""

from typing import Literal

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from app.api import envelope
from app.core.db import db
from app.core.errors import NotFound, mark
from app.domain.access import sessions, users
from app.http.auth import allow
from app.http.inputs import Strict

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


class Preferences(Strict):
    """What the user likes."""

    language: Literal["en", "he"] | None = None
    theme: Literal["light", "dark"] | None = None


@bp.patch("/me")
@allow("")
def prefer() -> ResponseReturnValue:
    """Remember a language or a theme for the key's user."""
    liked = envelope.body(Preferences)
    users.set_preferences(db.session(), locale=liked.language, theme=liked.theme, by=g.actor)
    user = users.get(db.session(), g.actor.id)
    return envelope.ok({"language": user.locale, "theme": user.theme})


@bp.get("/sessions")
@allow("")
def open_sessions() -> ResponseReturnValue:
    """Where the key's user is signed in."""
    names = ("created_at", "seen_at", "ends_at", "ip", "agent")
    rows = sessions.of_user(db.session(), g.actor.id)
    return envelope.all_of(rows, lambda row: {"id": row.id_hash.hex(), **{name: getattr(row, name) for name in names}})


@bp.delete("/sessions/<string(length=64):id_hash>")
@allow("")
def end_session(id_hash: str) -> ResponseReturnValue:
    """End one of them."""
    try:
        key = bytes.fromhex(id_hash)
    except ValueError:
        raise NotFound(mark("This session has ended already.")) from None
    sessions.revoke(db.session(), key, by=g.actor)
    return envelope.nothing()
