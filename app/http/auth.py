"""Who asks: the session cookie or the bearer key becomes g.actor; every route says what it allows."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin

from app.core.actor import Actor, require
from app.core.db import db
from app.core.errors import DomainError, mark
from app.domain.access import keys, sessions
from app.domain.access.models import User
from app.http import kept, origins, rates

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


class Unauthenticated(DomainError):
    """Nobody is logged in, or the key is not known."""

    code = "UNAUTHENTICATED"


class Visitor(UserMixin):  # type: ignore[misc]
    """What flask-login calls the current user."""

    def __init__(self, opened: sessions.Opened) -> None:
        self.opened = opened
        self.id = str(opened.user.id)

    @property
    def user(self) -> User:
        return self.opened.user

    @property
    def has_factor(self) -> bool:
        return self.opened.row.factor_at is not None


def cookie_name() -> str:
    """The session cookie: bound to the host wherever the address is https."""
    return "__Host-sid" if current_app.config["SESSION_COOKIE_SECURE"] else "sid"


def set_cookie(response: Response, value: str) -> Response:
    """Give the browser its session; it ends with the browser, the server's row decides before that."""
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    response.set_cookie(cookie_name(), value, httponly=True, secure=secure, samesite="Lax", path="/")
    return response


def init_app(app: Flask) -> None:
    """Identify the visitor before every request and guard every route."""
    manager = LoginManager()
    manager.init_app(app)

    @manager.request_loader
    def load(_request: Any) -> Visitor | None:
        visitor: Visitor | None = g.get("visitor")
        return visitor

    origins.init_app(app)
    app.before_request(identify)
    rates.init_app(app)
    app.before_request(guard)


def identify() -> None:
    """Set g.actor and g.visitor from the key or the cookie. Neither is an error here; the guard decides."""
    g.visitor = None
    header = request.headers.get("Authorization", "")
    if is_api():
        if header.startswith("Bearer "):
            g.actor = _of_key(header[7:].strip())
            if g.actor:
                act(g.actor)
        return
    cookie = request.cookies.get(cookie_name())
    if not cookie or request.path.startswith("/static/"):
        return
    opened = sessions.find(db.session(), cookie, touch="X-Poll" not in request.headers)
    if opened is None:
        return
    g.visitor, g.organisation = Visitor(opened), opened.organisation
    g.actor = sessions.actor_for(opened, ip=request.remote_addr, correlation_id=g.correlation_id)
    act(g.actor)


def _of_key(key: str) -> Actor | None:
    """Who calls with a key. One of a page is known only where pages may call."""
    if key.startswith("pk_") and not origins.is_for_pages():
        return None
    origin = request.headers.get("Origin")
    return keys.actor_for(db.session(), key, ip=request.remote_addr, correlation_id=g.correlation_id, origin=origin)


def act(actor: Any) -> None:
    """Let the request's session work for this actor."""
    from app.core.unit import act_as

    act_as(db.session(), actor)


def is_api() -> bool:
    """True for calls under /api, which speak JSON and never use cookies."""
    return request.path.startswith("/api/")


def guard() -> ResponseReturnValue | None:
    """Let nobody in who is not logged in with both factors, except to public routes."""
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or getattr(view, "is_public", False):
        return None
    if g.actor is None or (g.visitor is not None and not g.visitor.has_factor):
        if is_api():
            raise Unauthenticated(mark("Send a valid key in the header Authorization: Bearer <key>."))
        return to("account.login")
    if g.visitor is not None and g.visitor.user.password_is_first and not getattr(view, "is_first_step", False):
        return to("account.password")
    return None


def to(endpoint: str) -> ResponseReturnValue:
    """Send the browser to a page that has to come first, and back afterwards; htmx follows HX-Redirect."""
    if request.headers.get("HX-Request"):
        response = Response(status=401)
        response.headers["HX-Redirect"] = url_for(endpoint, next=_current())
        return response
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    answer = make_response(redirect(url_for(endpoint, next=wanted if wanted != "/" else None)))
    if request.method == "POST" and g.actor is None and request.mimetype == "application/x-www-form-urlencoded":
        token = kept.keep(request.cookies.get(cookie_name(), ""), request.full_path.rstrip("?"), request.referrer or "")
        return kept.remember(answer, token)
    return answer


def _current() -> str:
    """The page an htmx request came from, with its filters: the reader comes back to what he saw."""
    try:
        here = urlsplit(request.headers.get("HX-Current-URL", "/"))
    except ValueError:
        return "/"
    return f"{here.path}?{here.query}" if here.query else here.path


def allow(permission: str) -> Callable[[View], View]:
    """The route's own lock; the domain function has its own too. "" means: anybody who is logged in."""

    def lock(view: View) -> View:
        @wraps(view)
        def locked(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if g.actor is None:
                abort(401)
            if permission:
                require(g.actor, permission)
            return view(*args, **kwargs)

        locked.allows = permission  # type: ignore[attr-defined]
        return locked  # type: ignore[return-value]

    return lock


def first_step(view: View) -> View:
    """A route for somebody who still has to choose his own password."""
    view.is_first_step = True  # type: ignore[attr-defined]
    return view


def public(view: View) -> View:
    """A route for everybody."""
    view.is_public = True  # type: ignore[attr-defined]
    return view
