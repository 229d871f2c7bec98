"""One unit of work a request: committed when the answer is good, rolled back when it is an error."""

from datetime import UTC

from flask import Flask, Response, g, request

from app.core import clock, trace
from app.core.db import db


def init_app(app: Flask) -> None:
    """Begin a trace with every request and end the transaction with every answer."""
    app.before_request(begin)

    @app.after_request
    def end(response: Response) -> Response:
        if response.status_code < 400 or g.get("keep"):
            db.session.commit()
        else:
            db.session.rollback()
        response.headers["X-Correlation-Id"] = g.get("correlation_id", "")
        return response


def begin() -> None:
    """Nobody is known yet."""
    g.actor = None
    g.keep = False
    g.correlation_id = trace.begin(request.headers.get("X-Correlation-Id"))


def meta() -> dict[str, str]:
    """What stands with every answer of the API: the number that finds it in the log, and when it was given."""
    now = clock.now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"correlation_id": g.get("correlation_id", ""), "timestamp": now}


def keep_changes() -> None:
    """Commit although the answer is an error: a failed login must be counted."""
    g.keep = True
