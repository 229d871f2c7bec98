"""E-mail made once per version: MJML to HTML, links numbered, a plain-text part."""

import html as entities
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import mrml

from app.core.errors import mark
from app.domain.content.render import TemplateError

TRACKED = frozenset({"marketing"})  # individual tracking; service mail is not followed
_HREF = re.compile(r'(<a\b[^>]*?\bhref=")([^"]*)(")', re.IGNORECASE)
_SKIPPED = frozenset({"style", "script", "head", "title"})
_BLOCKS = frozenset({"p", "div", "tr", "table", "h1", "h2", "h3", "h4", "li", "ul", "ol", "br", "hr"})


def compile_email(body: str, message_class: str) -> dict[str, Any]:
    """{"html", "text", "links"} of one language; tracked links are marks in it, their targets are `links`.

    Raises TemplateError when the MJML does not parse.
    """
    source = body.strip()
    html = _from_mjml(source) if source.lower().startswith("<mjml") else source
    links: list[str] = []
    if message_class in TRACKED:
        html = _HREF.sub(lambda found: found.group(1) + _numbered(found.group(2), links) + found.group(3), html)
    text = plain_text(html)
    if message_class in TRACKED:
        html = _with_pixel(html)
    return {"html": html, "text": text, "links": links}


def _from_mjml(source: str) -> str:
    try:
        return str(mrml.to_html(source).content)
    except OSError as broke:
        reason = " ".join(str(broke).split())[:200].replace("%", "%%")
        raise TemplateError(mark("The MJML does not parse: %(reason)s."), reason=reason) from None


def _numbered(href: str, links: list[str]) -> str:
    address = entities.unescape(href).strip()
    if urlsplit(address).scheme not in ("http", "https") or "{{" in address or "{%" in address:
        return href
    if address not in links:
        links.append(address)
    return f"\x02c{links.index(address)}\x03"


def _with_pixel(html: str) -> str:
    pixel = '<img src="\x02o0\x03" width="1" height="1" alt="" style="display:none">'
    place = html.lower().rfind("</body>")
    return html + pixel if place < 0 else html[:place] + pixel + html[place:]


class _Reader(HTMLParser):
    """Text with its links behind the words they belong to."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._silent = 0
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._silent += 1
        elif tag in _BLOCKS:
            self.out.append("\n")
        elif tag == "a":
            self._href = dict(attrs).get("href") or ""
        elif tag == "img" and (alt := dict(attrs).get("alt")):
            self.out.append(f"[{alt}]")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS:
            self.out.append("\n")
        elif tag == "a" and self._href:
            self.out.append(f" ({self._href})")
            self._href = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.out.append(re.sub(r"[ \t\r\f\v\n\xa0]+", " ", data))


def plain_text(html: str) -> str:
    """The plain-text part of an e-mail."""
    reader = _Reader()
    reader.feed(html)
    lines = [line.strip() for line in "".join(reader.out).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
