"""Static files: one fingerprint of the whole folder in their address, compressed once, kept by browsers for ever.

A fingerprint of the folder instead of one per file: style sheets and modules name each other by relative addresses,
and no manifest has to be built before the start.
"""

import gzip
import hashlib
import os
from functools import cache
from pathlib import Path

from flask import Flask, Response, send_from_directory
from whitenoise import WhiteNoise

from app.http.auth import public

FOLDER = Path(__file__).resolve().parent.parent.parent / "static"
_COMPRESSIBLE = frozenset({".css", ".js", ".svg"})
_FOR_EVER = 365 * 24 * 3600


@cache
def url_path() -> str:
    """Where static files are served; it changes with any of them."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(str(path.relative_to(FOLDER)).encode() + b"\0" + path.read_bytes())
    return f"/static/{digest.hexdigest()[:12]}"


def init_app(app: Flask) -> None:
    """Give `url_for("static", filename=...)`, and let WhiteNoise answer before Flask is asked."""
    app.add_url_rule(f"{url_path()}/<path:filename>", endpoint="static", view_func=send)
    compress()
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=str(FOLDER),
        prefix=url_path() + "/",
        max_age=_FOR_EVER,
        allow_all_origins=False,
        immutable_file_test=lambda _path, _url: True,
        add_headers_function=_add_headers,
    )


@public
def send(filename: str) -> Response:
    """Send a static file that came after the start; all others WhiteNoise sends."""
    return send_from_directory(FOLDER, filename)


def compress() -> None:
    """Write a .gz beside every text file that has none newer than itself; a read-only folder is left as it is."""
    for path in _files():
        packed = path.with_name(path.name + ".gz")
        if path.suffix not in _COMPRESSIBLE or (packed.exists() and packed.stat().st_mtime >= path.stat().st_mtime):
            continue
        try:
            # Two workers may start at once: each writes its own file and moves it into place.
            draft = path.with_name(f"{path.name}.{os.getpid()}.part.gz")
            draft.write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
            draft.replace(packed)
        except OSError:
            return


def _files() -> list[Path]:
    found = (path for path in FOLDER.rglob("*") if path.is_file())
    return sorted(path for path in found if path.suffix != ".gz" and not path.name.startswith("."))


def _add_headers(headers: object, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"  # type: ignore[index]
