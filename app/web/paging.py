"""How many rows a list shows: as many as its address says, else as this browser has chosen, else 25."""

from flask import Flask, Response, g, request

from app.core.page import Ask
from app.http.inputs import page_asked
from app.web.locale import keep_choice

SIZES = (25, 50, 100)
COOKIE = "carillon_rows"
_KNOWN = {str(size): size for size in SIZES}


def init_app(app: Flask) -> None:
    """Give lists their sizes, and keep a choice in the browser it was made in."""
    app.jinja_env.globals["page_sizes"] = SIZES
    app.after_request(_remember)


def asked() -> Ask:
    """The page of a list the request asks for. Raises Invalid."""
    kept = request.cookies.get(COOKIE, "")
    chosen = request.args.get("per_page", "")
    if chosen in _KNOWN and chosen != kept:
        g.rows_chosen = chosen
    return page_asked(request.args, _KNOWN.get(kept, SIZES[0]))


def _remember(response: Response) -> Response:
    if (chosen := g.pop("rows_chosen", None)) and response.status_code < 400:
        keep_choice(response, COOKIE, chosen)
    return response
