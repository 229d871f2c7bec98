"""One table DomainError -> status; the web shows a page or a toast, the API its envelope."""

import logging

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from werkzeug.exceptions import HTTPException

from app.core.db import db
from app.core.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    Issue,
    Malformed,
    NotFound,
    Phrase,
    Stale,
    Unavailable,
    mark,
)
from app.http.auth import Unauthenticated, is_api
from app.http.rates import TooOften
from app.http.session import meta

log = logging.getLogger(__name__)

STATUS: dict[type[DomainError], int] = {
    NotFound: 404,
    Invalid: 422,
    Malformed: 400,
    Stale: 412,  # before Conflict, which it is a kind of
    Conflict: 409,
    Forbidden: 403,
    Unavailable: 503,
    TooOften: 429,
    Unauthenticated: 401,
}

PAGES = {
    400: mark("The request could not be understood. Go back, reload the page and try again."),
    401: mark("Log in first."),
    403: mark("You may not do this."),
    404: mark("There is nothing at this address. It may have been removed, or the address is mistyped."),
    405: mark("This address does not take that kind of request."),
    413: mark("This is more than can be taken here. A file to import may have 256 MB, a form much less."),
    429: mark("That was too often. Wait a minute and try again."),
    500: mark("Something went wrong on our side. Nothing was lost; try again. "
        "If it happens again, give the number below to an owner."),
    503: mark("Something outside does not answer. Try again in a minute."),
}  # fmt: skip


UNIQUE_VIOLATION = "23505"
TAKEN = mark("Somebody else saved the same at this very moment. Reload the page to see it.")
UNUSABLE = mark(
    "Something in this request cannot be used: a character or a number that cannot be kept. Correct it and try again."
)


def status_of(error: DomainError) -> int:
    """The HTTP status of a domain error."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)


def said(error: DomainError | Issue | Phrase) -> str:
    """The error's message in the reader's language."""
    values = {name: said(value) if isinstance(value, Phrase) else value for name, value in (error.values or {}).items()}
    if "state" in values:
        values["state"] = gettext(str(values["state"]))  # as the page calls it
    translated: str = gettext(error.message)
    return translated % values if values else translated


def init_app(app: Flask) -> None:
    """Answer every error in the form its caller reads."""
    app.register_error_handler(DomainError, on_domain_error)
    app.register_error_handler(CSRFError, on_csrf_error)
    app.register_error_handler(HTTPException, on_http_error)
    app.register_error_handler(DataError, on_data_error)
    app.register_error_handler(IntegrityError, on_taken)
    app.register_error_handler(OperationalError, on_away)
    app.register_error_handler(Exception, on_crash)


def on_domain_error(error: DomainError) -> ResponseReturnValue:
    """A known error, at its true status."""
    db.session.rollback()
    return answer(
        status_of(error), error.code, said(error), [{"field": i.field, "issue": said(i)} for i in error.details]
    )


def on_csrf_error(_error: CSRFError) -> ResponseReturnValue:
    """A form without a valid token: the page was open for too long."""
    return answer(400, "CSRF", gettext(mark("This page was open for too long. Reload it and try again.")))


def on_http_error(error: HTTPException) -> ResponseReturnValue:
    """Flask's own errors: unknown address, wrong method, too large."""
    status = error.code or 500
    if status < 400:
        return error.get_response()
    text = gettext(PAGES.get(status, PAGES[400 if status < 500 else 500]))
    return answer(status, (error.name or "ERROR").upper().replace(" ", "_"), text)


def on_data_error(error: DataError) -> ResponseReturnValue:
    """A value no column can hold: a NUL in a text, a page address with an id that is none, a number out of range."""
    db.session.rollback()
    said = {"path": request.path, "kind": type(error.orig).__name__, "statement": (error.statement or "")[:200]}
    log.warning("the database refused a value", extra=said)
    return answer(422, Invalid.code, gettext(UNUSABLE))


def on_away(error: OperationalError) -> ResponseReturnValue:
    """The database does not answer: a restart, a failover. Whoever sends again in a minute loses nothing."""
    db.session.rollback()
    log.error("the database does not answer", extra={"path": request.path, "kind": type(error.orig).__name__})
    away = answer(503, Unavailable.code, gettext(PAGES[503]))
    away.headers["Retry-After"] = "5"
    return away


def on_taken(error: IntegrityError) -> ResponseReturnValue:
    """Two people at once: the second finds taken what was free when he looked. Anything else is our mistake."""
    if getattr(error.orig, "sqlstate", None) != UNIQUE_VIOLATION:
        return on_crash(error)
    db.session.rollback()
    return answer(409, Conflict.code, gettext(TAKEN))


def on_crash(error: Exception) -> ResponseReturnValue:
    """The last resort: say nothing of the inside, keep the number that finds it in the log."""
    db.session.rollback()
    log.error("unhandled error", exc_info=error, extra={"path": request.path, "kind": type(error).__name__})
    return answer(500, "INTERNAL", gettext(PAGES[500]))


def answer(status: int, code: str, text: str, details: list[dict[str, str]] | None = None) -> Response:
    """The error as an API envelope, a toast for htmx, or a page."""
    if is_api():
        body = {
            "error": {"code": code, "message": text, "details": details or []},
            "meta": meta(),
        }
        response = jsonify(body)
        response.status_code = status
        return response
    if request.headers.get("HX-Request"):
        response = make_response(render_template("ui/_toasts.html", toasts=[("danger", text)]), status)
        response.headers["HX-Reswap"] = "none"
        return response
    page = render_template("error.html", status=status, text=text, correlation_id=g.get("correlation_id"))
    return make_response(page, status)
