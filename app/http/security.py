"""Headers of every answer, refusal of requests from other sites, and CSRF."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import Blueprint, Flask, Response, current_app, request
from flask.typing import ResponseReturnValue

from app.core.errors import Forbidden, mark
from app.http.csrf import MaskedCsrf

P = ParamSpec("P")
R = TypeVar("R")

# Tabler draws ticks and arrows as data: images; everything else is ours and in files.
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# An e-mail carries its own styles and must neither run nor load anything: shown in a sandboxed frame of our own page.
PREVIEW_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OURS = frozenset({"same-origin", "none"})
_CROSS_SITE = "_may_be_called_from_other_sites"


csrf = MaskedCsrf()


def init_app(app: Flask) -> None:
    """Set headers on every answer, refuse unsafe requests from other sites, switch on CSRF."""
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)  # as long as the session: a form left open may still be saved
    app.before_request(_refuse_other_sites)
    app.after_request(_add_headers)
    csrf.init_app(app)


def exempt(who: Blueprint | Callable[..., ResponseReturnValue]) -> None:
    """Take CSRF off a blueprint or view that authenticates without a cookie: API, webhooks, tracking."""
    csrf.exempt(who)


def may_come_from_other_sites(view: Callable[P, R]) -> Callable[P, R]:
    """Let browsers of other sites post to this view (single sign-on comes back this way); it checks by itself."""
    setattr(view, _CROSS_SITE, True)
    return view


def as_preview(response: Response) -> Response:
    """Give an e-mail preview its own policy: its styles work, nothing runs, only our own pages may frame it."""
    response.headers["Content-Security-Policy"] = PREVIEW_POLICY
    return response


def _refuse_other_sites() -> None:
    """A browser says where a request comes from; servers and old browsers say nothing, for them CSRF remains."""
    if request.method in _SAFE or request.headers.get("Sec-Fetch-Site", "none") in _OURS:
        return
    view = current_app.view_functions.get(request.endpoint or "")
    if not getattr(view, _CROSS_SITE, False):
        raise Forbidden(mark("This request came from another site and was refused."))


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure or current_app.config.get("SESSION_COOKIE_SECURE"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
