"""How large a body each route takes: little, unless the route says otherwise, and more only from whom it lets in."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.core.actor import require
from app.core.db import db
from app.core.errors import DomainError
from app.http import auth, session
from app.http.front import REFUSED, Environ, Rooms

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
KB, MB = 1024, 1024 * 1024
FORM, JSON = 256 * KB, MB
TEXT = 3 * MB  # a customer's text of 400,000 letters, each written with six signs
FILE = 256 * MB


def takes(most: int) -> Callable[[View], View]:
    """A route whose body may be larger than others, for whoever may use it."""

    def sized(view: View) -> View:
        view.takes = most  # type: ignore[attr-defined]
        return view

    return sized


def init_app(app: Flask) -> None:
    """Hold every route to its size, whatever server stands in front."""
    app.before_request(hold)


def bound() -> None:
    """Before anything else, so that whoever looks at a form never reads more than the route takes."""
    most = max(usual(request.path), _largest())
    request.max_content_length = request.max_form_memory_size = most


def usual(path: str) -> int:
    """What a route takes that says nothing."""
    return JSON if path.startswith("/api/") else FORM


def hold() -> None:
    """Refuse what is too large before a form or a JSON is looked for in it. Runs after the guard."""
    small = usual(request.path)
    most = max(small, _largest())
    unknown = most if "Transfer-Encoding" in request.headers else 0
    length = most + 1 if REFUSED in request.environ else request.content_length or unknown
    if length > small:
        _let_in()
    if length > most:
        abort(413)


def _view() -> Any:
    return current_app.view_functions.get(request.endpoint or "")


def _largest() -> int:
    return getattr(_view(), "takes", 0)


def _let_in() -> None:
    """Raise Forbidden unless the visitor may use the route at all."""
    if permission := getattr(_view(), "allows", ""):
        require(g.actor, permission)


def rooms(app: Flask) -> Rooms:
    """The same for the front, which asks before a body is read."""

    def room(environ: Environ) -> int:
        return usual(environ["PATH_INFO"])

    def admit(environ: Environ) -> int:
        with app.request_context(environ):
            try:
                session.begin()
                auth.identify()
                if auth.guard() is not None:
                    return 0
                _let_in()
                return _largest()
            except (DomainError, HTTPException):
                return 0
            finally:
                db.session.rollback()

    return Rooms(room, admit)
