"""Reading an e-mail for the mailbox page: its text, its HTML, its attachments, its unsubscribe address."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from html import unescape

from sandbox.links import through

_FRAME_HEAD = '<base target="_blank"><meta charset="utf-8">'
_HREF = re.compile(r"""(?i)(<a\s[^>]*?href=)(["'])(https?://[^"']+)\2""")


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment or inline picture."""

    number: int
    name: str
    type: str
    content: bytes
    content_id: str

    @property
    def size(self) -> str:
        return f"{len(self.content) / 1024:,.1f} kB"


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail taken apart."""

    headers: list[tuple[str, str]]
    text: str
    html: str
    parts: list[Part]

    def header(self, name: str) -> str:
        """One header's value, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def unsubscribe_url(self) -> str:
        """Where one click unsubscribes (RFC 8058), if the letter offers it."""
        if "one-click" not in self.header("List-Unsubscribe-Post").lower():
            return ""
        found = re.search(r"<(https?://[^>\s]+)>", self.header("List-Unsubscribe"))
        return found.group(1) if found else ""


def read(raw: bytes) -> Letter:
    """Take an e-mail apart; whatever is broken in it is shown as well as it goes."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    headers = [(name, subject(str(value))) for name, value in message.items()]
    text, html, parts = "", "", []
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            continue
        kind, named = part.get_content_type(), part.get_filename()
        content = part.get_payload(decode=True)
        content = content if isinstance(content, bytes) else b""
        if kind == "text/plain" and not named and not text:
            text = content.decode(part.get_content_charset("utf-8"), "replace")
        elif kind == "text/html" and not named and not html:
            html = content.decode(part.get_content_charset("utf-8"), "replace")
        else:
            name = named or f"part-{number}"
            parts.append(Part(number, name, kind, content, str(part.get("Content-ID", "")).strip("<> ")))
    return Letter(headers, text, html, parts)


def framed(letter: Letter, message: str) -> str:
    """The HTML as it is shown in its frame: links open a new tab by way of the mailbox, inline pictures come from our parts."""
    html = letter.html
    for part in letter.parts:
        if part.content_id:
            html = html.replace(f"cid:{part.content_id}", f"{message}/parts/{part.number}")
    html = _HREF.sub(lambda found: f'{found[1]}"{through(message, unescape(found[3]))}"', html)
    return (
        re.sub(r"(?i)(<head[^>]*>)", r"\1" + _FRAME_HEAD, html, count=1)
        if "<head" in html.lower()
        else _FRAME_HEAD + html
    )


def subject(raw: str) -> str:
    """A header's value as people read it."""
    try:
        return str(make_header(decode_header(re.sub(r"\r?\n[ \t]", " ", raw))))
    except (ValueError, LookupError):
        return raw
