"""The web server's entry for bench track: events can also be told to it as rows that are ready, and are inserted as they are.

A request with the header X-Rows is a list of rows of `events`: nobody is looked up, nothing is checked, no key is kept, and one
INSERT takes all of them over a connection that knows the organisation already. The same server, the same table, the same commit.
"""

import json
import os
import threading
from typing import Any

import psycopg
from flask import Flask, Response, request

from app.http.front import Front
from app.http.sizes import rooms
from wsgi import app as flask

_INSERT = (
    "INSERT INTO events (organisation_id, occurred_at, contact_id, name, properties, source, is_verified, received_at)"
    " SELECT organisation_id, occurred_at, contact_id, name, properties, 'api', true, now() FROM jsonb_to_recordset(%s::jsonb)"
    " AS r (organisation_id uuid, occurred_at timestamptz, contact_id uuid, name text, properties jsonb)"
)
_here = threading.local()


def _line(organisation: str) -> psycopg.Connection[Any]:
    if not hasattr(_here, "line"):
        url = os.environ["DATABASE_URL"].replace("postgresql+psycopg", "postgresql")
        _here.line = psycopg.connect(url, autocommit=True, options="-c role=carillon_app -c jit=off")
        _here.line.execute("SELECT set_config('app.organisation_id', %s, false)", (organisation,))
    return _here.line  # type: ignore[no-any-return]


def _insert() -> Response | None:
    if request.headers.get("X-Rows") is None:
        return None
    raw = request.get_data()
    rows = json.loads(raw)
    _line(rows[0]["organisation_id"]).execute(_INSERT, (raw.decode(),))
    return Response(json.dumps({"accepted": len(rows)}), status=202, mimetype="application/json")


def _open(app: Flask) -> None:
    app.before_request_funcs.setdefault(None, []).insert(0, _insert)


_open(flask)
app = Front(flask, rooms(flask), client=lambda _environ: "bench")
