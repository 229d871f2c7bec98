"""The only Python that knows of htmx: a page or a part of it, other parts out of band, toasts with every answer."""

import re
from typing import cast

from flask import Flask, Response, get_flashed_messages, redirect, render_template
from flask.typing import ResponseReturnValue
from htmx_flask import Htmx, make_response
from htmx_flask import request as _request
from htmx_flask.requests import HtmxAwareRequest

request = cast(HtmxAwareRequest, _request)

_FIRST_TAG = re.compile(r"<[a-z][a-z0-9-]*(?=[\s>])")
_LEAVES_THE_PAGE = ("HX-Redirect", "HX-Refresh", "HX-Location")


def init_app(app: Flask) -> None:
    """Give requests their `htmx`, and finish every answer: Vary, no-store, toasts."""
    Htmx(app)
    app.after_request(_finish)


def is_part_wanted() -> bool:
    """True if htmx asks for a part; False for a plain load, and when htmx restores a whole page from history."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def page_or_part(page: str, part: str, /, **values: object) -> str:
    """Render the page, or only its part when htmx asks. The URL is the same; Vary tells caches apart."""
    return render_template(part if is_part_wanted() else page, **values)


def parts(first: str, /, *others: str, **values: object) -> str:
    """Render several parts in one answer: the first goes to the target, the others find their place by their id."""
    drawn = [render_template(first, **values)]
    drawn += [_out_of_band(render_template(name, **values)) for name in others]
    return "\n".join(drawn)


def parts_or_redirect(url: str, /, *templates: str, **values: object) -> ResponseReturnValue:
    """Answer a change: the changed parts for htmx, a 303 to the page without it.

    The first part goes to the target of the request, the others find their place by their id.
    """
    if not is_part_wanted():
        return redirect(url, 303)
    if not templates:
        return toasts_only()
    return parts(*templates, **values)


def toasts_only(status: int = 200) -> Response:
    """Answer with nothing but the flashed toasts, at a true status; the page stays as it is."""
    return cast(Response, make_response("", status, reswap="none"))


def placed(html: str, target: str, status: int = 200, *, swap: str = "outerHTML") -> Response:
    """Answer with a part that goes to `target`, wherever the request wanted to put its answer, also when it was refused."""
    response = cast(Response, make_response(html, status, retarget=target))
    response.headers["HX-Reswap"] = swap  # the library knows none of our own, such as morph:outerHTML
    return response


def leave_for(url: str, status: int = 200) -> ResponseReturnValue:
    """Send the browser to another page, also out of an htmx request (which follows it even on a 401)."""
    if not request.htmx:
        return redirect(url, 303)
    return cast(Response, make_response("", status, redirect=url))


def _out_of_band(html: str) -> str:
    """The part with its root marked for htmx; every part has one root with an id (tests/house checks it)."""
    marked, count = _FIRST_TAG.subn(lambda tag: f'{tag.group()} hx-swap-oob="true"', html, count=1)
    if not count:
        raise ValueError("a part has no root element")
    return marked


def _finish(response: Response) -> Response:
    if request.endpoint == "static":
        return response
    response.vary.add("HX-Request")
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    if _takes_toasts(response) and (flashed := get_flashed_messages(with_categories=True)):
        toasts = render_template("ui/_toasts.html", toasts=flashed)
        response.set_data(response.get_data(as_text=True) + toasts)
    return response


def _takes_toasts(response: Response) -> bool:
    """Only an htmx answer that stays on the page: elsewhere the toast waits for the next page."""
    return (
        bool(request.htmx)
        and not request.htmx.boosted
        and response.mimetype == "text/html"
        and not response.is_streamed
        and response.status_code != 204
        and not 300 <= response.status_code < 400
        and not any(name in response.headers for name in _LEAVES_THE_PAGE)
    )
