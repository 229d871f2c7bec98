"""E-mail made once per version: MJML to HTML, links numbered, the preview line put in, a plain-text part."""

import html as entities
import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from xml.parsers import expat

import mrml

from app.core import i18n
from app.core.errors import Phrase, mark
from app.domain.content import markup, wording
from app.domain.content.sandbox import TemplateError, parse

TRACKED = frozenset({"marketing"})  # individual tracking; service mail is not followed
DEEPEST = 60  # mrml walks down recursively and would take the process with it
MOST_LINKS = 500

_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-f]+);)", re.IGNORECASE)
_POSITION = re.compile(r" in root template(?: at position (\d+):\d+)?$")
_RTL = (
    '<mj-attributes><mj-section direction="rtl" /><mj-column direction="rtl" /><mj-text align="right" />'
    '<mj-table align="right" /></mj-attributes>'
)
# https://documentation.mjml.io/#components
_COMPONENTS = frozenset({
    "mjml", "mj-head", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint", "mj-font", "mj-html-attributes",
    "mj-selector", "mj-html-attribute", "mj-preview", "mj-style", "mj-title", "mj-body", "mj-include", "mj-raw",
    "mj-section", "mj-column", "mj-group", "mj-wrapper", "mj-hero", "mj-text", "mj-button", "mj-image",
    "mj-divider", "mj-spacer", "mj-table", "mj-social", "mj-social-element", "mj-navbar", "mj-navbar-link",
    "mj-accordion", "mj-accordion-element", "mj-accordion-title", "mj-accordion-text", "mj-carousel",
    "mj-carousel-image",
})  # fmt: skip
# mrml would link fonts from a foreign server into every letter: each reader would be told to it.
_NO_FONTS = mrml.RenderOptions(fonts={})


def compile_email(body: str, message_class: str, *, preheader: str = "", language: str = "en") -> dict[str, Any]:
    """{"html", "text", "links"} of one language; tracked links are marks in it, their targets are `links`.

    Raises TemplateError when the Liquid or the MJML does not parse.
    """
    source = body.strip()
    parse(source, html=True)
    masked = _Masked()
    hidden = masked.hide(source)
    html = _from_mjml(hidden, language, masked) if is_mjml(source) else _whole_page(hidden, language)
    links: list[str] = []
    if message_class in TRACKED:
        html = _numbered(html, masked, links)
    text = masked.show(markup.read(html))
    if preheader.strip():
        html = _after_body(html, _preheader(masked.hide(preheader.strip())))
    if message_class in TRACKED:
        html = _before_end(html, '<img src="\x02o0\x03" width="1" height="1" alt="" style="display:none">')
    made = masked.show(html)
    parse(made, html=True)
    return {"html": made, "text": text, "links": links}


def is_mjml(body: str) -> bool:
    """True if a body is MJML; everything else is HTML."""
    return body.lstrip().lower().startswith("<mjml")


@dataclass
class _Masked:
    """Liquid put aside while markup is read, so that `<` and quotes inside it disturb nobody."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(4))
    kept: list[str] = field(default_factory=list)

    def hide(self, source: str) -> str:
        """The source with a word in place of every Liquid tag."""
        return _LIQUID.sub(self._keep, source)

    def _keep(self, found: re.Match[str]) -> str:
        self.kept.append(found.group())
        return f"q{self.nonce}x{len(self.kept) - 1}x"

    def hides(self, text: str) -> bool:
        """True if there is Liquid in the text."""
        return f"q{self.nonce}x" in text

    def show(self, text: str) -> str:
        """The text with its Liquid again."""
        return re.sub(rf"q{self.nonce}x(\d+)x", lambda found: self.kept[int(found.group(1))], text)


def _from_mjml(source: str, language: str, masked: _Masked) -> str:
    _refuse_deep(source)
    _refuse_unknown(source, masked)
    if not {"lang", "dir"} & markup.attributes(next(markup.pieces(source)).of(source)).keys():
        source = re.sub(r"^<mjml\b", f'<mjml lang="{language}" dir="{i18n.direction(language)}"', source, count=1)
    if i18n.direction(language) == "rtl":
        source = _right_to_left(source)
    try:
        return str(mrml.to_html(source, render_options=_NO_FONTS).content)
    except OSError as broke:
        raise _mjml_error(str(broke), source, masked) from None
    except BaseException as broke:
        if type(broke).__name__ != "PanicException":  # Rust's; not an Exception, it would end the request with a 500
            raise
        raise _mjml_error("it cannot be read", source, masked) from None


def _right_to_left(source: str) -> str:
    """Components begin left to right whatever the page says; what the writer sets himself still wins."""
    starts = [piece for piece in markup.pieces(source, is_xml=True) if piece.kind == "start" and not piece.is_closed]
    head = next((piece for piece in starts if piece.name == "mj-head"), None)
    if head:
        return source[: head.end] + _RTL + source[head.end :]
    return source[: starts[0].end] + f"<mj-head>{_RTL}</mj-head>" + source[starts[0].end :] if starts else source


def _refuse_deep(source: str) -> None:
    """Refuse what would end mrml and the process with it."""
    depth = 0
    for piece in markup.pieces(source, is_xml=True):
        if piece.of(source).startswith("<!["):
            reason = Phrase(mark("“<![” has no place outside of a comment"))
            raise TemplateError(mark("Line %(line)s: %(reason)s."), line=_line(source, piece.begin), reason=reason)
        if piece.kind not in ("start", "end") or piece.is_closed or piece.name in markup.VOID:
            continue
        depth += 1 if piece.kind == "start" else -1
        if depth > DEEPEST:
            raise TemplateError(
                mark("Line %(line)s: %(reason)s."),
                line=_line(source, piece.begin),
                reason=Phrase(mark("nested too deeply")),
            )


def _refuse_unknown(source: str, masked: _Masked) -> None:
    """Mrml passes a component it does not know through as it is, and mail programs show its text anywhere or nowhere."""
    for piece in markup.pieces(source, is_xml=True):
        if piece.name.startswith("mj") and piece.name not in _COMPONENTS:
            line = _line(masked.show(source[: piece.begin]), 10**9)
            raise TemplateError(mark("Line %(line)s: there is no MJML element <%(name)s>."), line=line, name=piece.name)


def _line(source: str, place: int) -> int:
    return source.count("\n", 0, place) + 1


def _mjml_error(said: str, source: str, masked: _Masked) -> TemplateError:
    """Name the line: mrml seldom says where; an XML parser on the same text can."""
    reason = wording.of_mjml(_POSITION.sub("", said).strip())
    found = _POSITION.search(said)
    prefix = source.encode()[: int(found.group(1))].decode(errors="ignore") if found and found.group(1) else ""
    if "<!" in source.replace("<!--", ""):
        return TemplateError(mark("Line %(line)s: %(reason)s."), line=_line(masked.show(prefix), 10**9), reason=reason)
    reader = expat.ParserCreate()
    try:
        reader.Parse(_closed(_AMPERSAND.sub("&amp;", source)), True)
    except expat.ExpatError as broke:
        lines = source.split("\n")
        prefix = "\n".join([*lines[: broke.lineno - 1], lines[broke.lineno - 1][: broke.offset]])
        reason = wording.of_mjml(expat.ErrorString(broke.code))
    return TemplateError(mark("Line %(line)s: %(reason)s."), line=_line(masked.show(prefix), 10**9), reason=reason)


def _closed(source: str) -> str:
    """The source with its void elements as XML writes them."""
    return "".join(
        f"{piece.of(source)[:-1]}/>" if piece.kind == "start" and piece.name in markup.VOID and not piece.is_closed
        else piece.of(source) for piece in markup.pieces(source, is_xml=True)
    )  # fmt: skip


def _whole_page(body: str, language: str) -> str:
    """A piece of HTML as a page; a page stays as it is."""
    if any(piece.name == "html" for piece in markup.pieces(body)):
        return body
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    direction = i18n.direction(language)
    return f'<!doctype html><html lang="{language}" dir="{direction}"><head>{head}</head><body>{body}</body></html>'


def _preheader(hidden: str) -> str:
    # The spaces after it keep mail programs from going on with the text of the mail.
    style = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden"
    return f'<div style="{style}">{entities.escape(hidden)}{"&#8199;&#65279;" * 20}</div>'


def _after_body(html: str, piece: str) -> str:
    place = next((one.end for one in markup.pieces(html) if one.kind == "start" and one.name == "body"), 0)
    return html[:place] + piece + html[place:]


def _before_end(html: str, piece: str) -> str:
    ends = [one.begin for one in markup.pieces(html) if one.kind == "end" and one.name == "body"]
    place = ends[-1] if ends else len(html)
    return html[:place] + piece + html[place:]


def _numbered(html: str, masked: _Masked, links: list[str]) -> str:
    """Every static address becomes a mark with its number; one made by Liquid cannot be followed and stays."""
    out, done = [], 0
    for piece in markup.pieces(html):
        if piece.kind != "start" or piece.name != "a":
            continue
        tag = piece.of(html)
        address = markup.attributes(tag).get("href", "").strip()
        if masked.hides(address) or not _is_web(address):
            continue
        if address not in links:
            if len(links) == MOST_LINKS:
                raise TemplateError(mark("There are more than %(most)s links."), most=MOST_LINKS)
            links.append(address)
        out += [html[done : piece.begin], markup.written(tag, {"href": f"\x02c{links.index(address)}\x03"})]
        done = piece.end
    return "".join([*out, html[done:]])


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
