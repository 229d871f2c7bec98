"""Static files: one fingerprint of the whole folder in their address, compressed once, kept by browsers for ever.

A fingerprint of the folder instead of one per file: style sheets and modules name each other by relative addresses,
and no manifest has to be built before the start.
"""

import gzip
import hashlib
import os
from functools import cache
from pathlib import Path

from flask import Flask
from whitenoise import WhiteNoise

FOLDER = Path(__file__).resolve().parent.parent.parent / "static"
_COMPRESSIBLE = frozenset({".css", ".js", ".svg"})
_FOR_EVER = 365 * 24 * 3600


@cache
def url_path() -> str:
    """Where static files are served: `Flask(..., static_folder=FOLDER, static_url_path=url_path())`."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(str(path.relative_to(FOLDER)).encode() + b"\0" + path.read_bytes())
    return f"/static/{digest.hexdigest()[:12]}"


def serve(app: Flask) -> None:
    """Let WhiteNoise answer for static files before Flask is asked."""
    compress()
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=str(FOLDER),
        prefix=url_path() + "/",
        max_age=_FOR_EVER,
        immutable_file_test=lambda _path, _url: True,
        add_headers_function=_add_headers,
    )


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
    return [path for path in sorted(FOLDER.rglob("*")) if path.is_file() and path.suffix != ".gz"]


def _add_headers(headers: object, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"  # type: ignore[index]
