"""HTML as it was written: where its tags stand, what they say, what of it is read.

A tree would not do for writing back: a parser moves Liquid that stands between the rows of a table out of it. Places are found
here, in one pass however broken the text is; what a tag says is asked of a parser that knows the standard.
"""

import html as entities
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from selectolax.lexbor import LexborHTMLParser

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
_RAW = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})  # no tags inside
_UNREAD = frozenset({"style", "script", "head", "title", "template"})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "br", "caption", "center", "dd", "details", "dialog", "dir", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "legend", "li",
    "main", "menu", "nav", "ol", "option", "p", "pre", "section", "summary", "table", "tr", "ul",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_NAME = re.compile(r"[^\s/>]*")
_VALUE = re.compile(r"=\s*([\"'])|>")
_SPACE = re.compile(r"[ \t\r\f\v\n\xa0]+")
_UNSEEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the source from `begin` to `end`: text, a start tag, an end tag, or other (comments, declarations).

    `is_closed` is of XML: the tag ends with a slash.
    """

    kind: str
    begin: int
    end: int
    name: str = ""
    is_closed: bool = False

    def of(self, source: str) -> str:
        """What is written there."""
        return source[self.begin : self.end]


def pieces(source: str, *, is_xml: bool = False) -> Iterator[Piece]:
    """The parts of a text one after the other; in XML no element is raw text."""
    begin = place = 0
    while (place := source.find("<", place)) >= 0:
        found = _piece(source, place)
        if found is None:  # a sign and no tag
            place += 1
            continue
        if begin < place:
            yield Piece("text", begin, place)
        yield found
        begin = place = found.end
        if found.kind == "start" and found.name in _RAW and not is_xml:
            place = _end_of_raw(source, found.name, found.end)
    if begin < len(source):
        yield Piece("text", begin, len(source))


def _piece(source: str, place: int) -> Piece | None:
    after = source[place + 1 : place + 2]
    if source.startswith("<!--", place):
        # The standard ends a comment also by <!--> and <!--->.
        short = next((s for s in ("<!-->", "<!--->") if source.startswith(s, place)), "")
        end = place + len(short) if short else _behind(source, "-->", place + 4)
        return Piece("other", place, end)
    is_end = after == "/"
    sign = source[place + 2 : place + 3] if is_end else after
    if sign.isascii() and sign.isalpha():
        named = _NAME.match(source, place + 1 + is_end)
        assert named is not None
        end = _end_of_tag(source, named.end())
        closed = source[end - 2] == "/"
        return Piece("end" if is_end else "start", place, end, named.group().lower(), closed)
    if after in ("!", "?") or (is_end and sign):
        return Piece("other", place, _behind(source, ">", place + 1))
    return None


def _end_of_tag(source: str, place: int) -> int:
    """Behind the sign that ends a tag; a `>` between quotes does not."""
    while found := _VALUE.search(source, place):
        quote = found.group(1)
        if quote is None:
            return found.end()
        place = _behind(source, quote, found.end())
    return len(source)


def _end_of_raw(source: str, name: str, place: int) -> int:
    found = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(source, place)
    return found.start() if found else len(source)


def _behind(source: str, sign: str, place: int) -> int:
    found = source.find(sign, place)
    return len(source) if found < 0 else found + len(sign)


@lru_cache(maxsize=512)
def attributes(tag: str) -> Mapping[str, str]:
    """The attributes of a start tag, references in them resolved as the HTML standard says; the first of a name counts."""
    named = _NAME.match(tag, 1)
    assert named is not None
    # Under a name that may stand anywhere: alone, a parser drops a cell or a body.
    node = LexborHTMLParser(f"<p{tag[named.end() :]}").css_first("p")
    return {name: value or "" for name, value in node.attributes.items()} if node else {}


def written(tag: str, changed: Mapping[str, str]) -> str:
    """A start tag with other attributes."""
    named = _NAME.match(tag, 1)
    assert named is not None
    values = [f' {name}="{entities.escape(value)}"' for name, value in {**attributes(tag), **changed}.items()]
    return f"<{named.group()}{''.join(values)}>"


def read(source: str) -> str:
    """What somebody reads: blocks on lines of their own, cells apart, links behind the words they belong to."""
    reader = _Reader()
    for piece in pieces(source):
        if piece.kind == "text":
            reader.text(piece.of(source))
        elif piece.kind == "start":
            reader.start(piece.name, piece.of(source))
        elif piece.kind == "end":
            reader.end(piece.name)
    lines = [_SPACE.sub(" ", line).strip() for line in "".join(reader.out).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


class _Reader:
    def __init__(self) -> None:
        self.out: list[str] = []
        self._unread: list[str] = []  # the elements around the present place that nobody sees
        self._href = ""

    def text(self, written: str) -> None:
        """Text between tags."""
        if not self._unread:
            self.out.append(_SPACE.sub(" ", entities.unescape(written)))

    def start(self, name: str, tag: str) -> None:
        """A start tag."""
        said = attributes(tag)
        if name not in VOID and (name in self._unread[-1:] or _is_unread(name, said)):
            self._unread.append(name)
        if not self._unread:
            self.out.append(_before(name, said))
            self._href = said.get("href", "").strip() if name == "a" else self._href

    def end(self, name: str) -> None:
        """An end tag."""
        if self._unread:
            if self._unread[-1] == name:
                self._unread.pop()
            return
        self.out.append(_after(name))
        if name == "a" and self._href:
            self.out.append(f" ({self._href})")
            self._href = ""


def _is_unread(name: str, said: Mapping[str, str]) -> bool:
    return name in _UNREAD or "hidden" in said or _UNSEEN.search(said.get("style", "")) is not None


def _before(name: str, said: Mapping[str, str]) -> str:
    if name in _BLOCKS:
        return "\n"
    if name in _CELLS:
        return " "
    return f"[{said['alt']}]" if name == "img" and said.get("alt") else ""


def _after(name: str) -> str:
    if name in _BLOCKS - VOID:
        return "\n"
    return " " if name in _CELLS else ""
