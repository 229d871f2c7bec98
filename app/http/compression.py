"""Pages and JSON go out compressed to whoever can read that, with two exceptions.

The length of a compressed answer tells what it repeats. A page that another site has asked for is therefore never compressed
(it could put a guess into the address and look at the length), and neither is what is told only once: a key, a first password.
"""

from flask import Flask, Response, g, request
from flask_compress import Compress

SMALLEST = 1000  # bytes; what is shorter fits a packet as it is
OTHER_SITES = frozenset({"cross-site", "same-site"})


class Compression(Compress):
    """Flask-Compress, but for answers whose length must tell nothing."""

    def after_request(self, response: Response | None) -> Response:
        """Compress an answer; the last thing that is done to it."""
        told = response is not None and (g.get("told_once") or request.headers.get("Sec-Fetch-Site") in OTHER_SITES)
        return response if told and response else super().after_request(response)


def init_app(app: Flask) -> None:
    """Compress what is sent. To be called before any room that works on answers: the first to come is the last to act."""
    app.config.update(
        COMPRESS_MIMETYPES=["text/html", "application/json"],
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_MIN_SIZE=SMALLEST,
        COMPRESS_STREAMS=False,
        COMPRESS_EVALUATE_CONDITIONAL_REQUEST=False,
    )
    app.jinja_env.filters["told_once"] = told_once
    Compression(app)


def told_once(secret: str) -> str:
    """A secret on its way into the one answer that tells it, which is not compressed."""
    g.told_once = True
    return secret
