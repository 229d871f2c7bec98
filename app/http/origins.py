"""Calls from pages of other sites: the few routes that take a public key, and what their browsers are told (CORS)."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue

from app.http.security import may_come_from_other_sites

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
_ALLOWED = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, X-Correlation-Id",
    "Access-Control-Max-Age": "86400",
}


def for_pages(view: View) -> View:
    """A route that public keys may call, from the pages they serve."""
    view.is_for_pages = True  # type: ignore[attr-defined]
    may_come_from_other_sites(view)
    return view


def is_for_pages() -> bool:
    """Whether this request is for such a route."""
    view: Any = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "is_for_pages", False)


def init_app(app: Flask) -> None:
    """Answer browsers that ask first, and tell those that called."""
    app.before_request(preflight)
    app.after_request(_tell)


def preflight() -> ResponseReturnValue | None:
    """A browser asks whether it may call, and does not say with which key yet: whether the key serves its page, the call tells."""
    if request.method != "OPTIONS" or not is_for_pages():
        return None
    return Response(status=204, headers=_ALLOWED)


def _tell(response: Response) -> Response:
    if is_for_pages():
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        is_served = g.get("actor") is not None and g.actor.kind == "public"
        if origin and (is_served or request.method == "OPTIONS"):
            response.headers["Access-Control-Allow-Origin"] = origin
    return response
