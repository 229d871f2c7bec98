"""The door of forms that came too late: their session had ended, so they are kept until their writer is back."""

from urllib.parse import urlsplit

from flask import Response, current_app, request

from app.core.db import db
from app.domain.access import kept, sessions
from app.http.session import keep_changes

COOKIE = "kept"


def keep(cookie: str, path: str, page: str) -> str | None:
    """Keep the form of this request for whoever's session the cookie was; the token that finds it again."""
    user_id = sessions.ended(db.session(), cookie) if cookie else None
    if user_id is None:
        return None
    fields = [(name, value) for name, values in request.form.lists() for value in values]
    token = kept.keep(db.session(), user_id, path=_own(path), page=_own(page), fields=fields)
    keep_changes()
    return token


def remember(response: Response, token: str | None) -> Response:
    """Give the browser the token, for a day."""
    if token:
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        age = int(kept.LONGEST.total_seconds())
        response.set_cookie(COOKIE, token, max_age=age, httponly=True, secure=secure, samesite="Lax", path="/")
    return response


def _own(address: str) -> str:
    """The path of an address of ours; the start page for anything else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    path = parts.path if parts.path.startswith("/") and not parts.path.startswith("//") else "/"
    return f"{path}?{parts.query}" if parts.query else path
