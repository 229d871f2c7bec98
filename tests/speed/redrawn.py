"""The web server's entry for bench page: any page can be asked for once more from what it was drawn with, without the database.

A request with the header X-Redraw is answered by the template of the last request of its path, with the values that one found: the
same HTML by the same server through the same doors, but nobody is looked up and nothing is asked.
"""

from typing import Any

from flask import Flask, Response, g, request, template_rendered

from app.http.front import Front
from app.http.sizes import rooms
from wsgi import app as flask

_drawn: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {}


def _keep(_app: Flask, template: Any, context: dict[str, Any], **_more: Any) -> None:
    _drawn[request.path] = (template, context, dict(g.__dict__))


def _redraw() -> Response | None:
    if request.headers.get("X-Redraw") is None:
        return None
    template, context, known = _drawn[request.path]
    g.__dict__.update(known)
    return Response(template.render(context), mimetype="text/html")


template_rendered.connect(_keep, flask)
flask.before_request_funcs.setdefault(None, []).insert(0, _redraw)
app = Front(flask, rooms(flask), client=lambda _environ: "bench")
