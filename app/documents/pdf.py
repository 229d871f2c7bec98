"""PDF out of HTML by WeasyPrint, which may fetch nothing but our own fonts, our plot sheet and what it is handed."""

import logging
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STATIC = Path(__file__).resolve().parents[2] / "static"
# Whatever else a document names (http, file, another name) is refused before anything is opened.
OURS = {
    "asset:heebo-latin.woff2": STATIC / "vendor" / "heebo-latin.woff2",
    "asset:heebo-hebrew.woff2": STATIC / "vendor" / "heebo-hebrew.woff2",
    "asset:plot.css": STATIC / "css" / "plot.css",
}
_log = logging.getLogger(__name__)


class NotOurs(ValueError):
    """A document asked for something it may not have."""


def make(html: str, *, pictures: Mapping[str, bytes] | None = None) -> bytes:
    """Make a PDF; what the HTML may not have is left out.

    `pictures` are those the HTML names as `picture:<name>`, the name ending in .png, .jpg or .svg.
    """
    from weasyprint import HTML  # half a second and 60 MB: only who makes PDFs pays
    from weasyprint.text.fonts import FontConfiguration

    fetcher = _fetcher(pictures or {})
    document = HTML(string=html, base_url="asset:", url_fetcher=fetcher)
    made: bytes = document.write_pdf(font_config=FontConfiguration())
    return made


def _fetcher(pictures: Mapping[str, bytes]) -> Any:
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class Fetcher(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        """Answers from the lists; `data:` is left to WeasyPrint; redirects cannot happen."""

        def fetch(self, url: str, headers: object = None) -> Any:
            if url.startswith("data:"):
                return super().fetch(url, headers)
            kind = mimetypes.guess_type(url)[0] or "application/octet-stream"
            return URLFetcherResponse(url, _content(url, pictures), {"Content-Type": kind})

    return Fetcher(allowed_protocols={"data"}, allow_redirects=False, timeout=5)


def _content(url: str, pictures: Mapping[str, bytes]) -> bytes:
    if url in OURS:
        return OURS[url].read_bytes()
    picture = pictures.get(url.removeprefix("picture:"))
    if picture is None or not url.startswith("picture:"):
        _log.warning("a document asked for something it may not have")
        raise NotOurs("a document may use only our fonts, our style sheet and its own pictures")
    return picture
