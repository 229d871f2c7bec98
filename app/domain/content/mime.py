"""MIME by hand: what recipients share is written once, the rest per recipient (the standard library makes 310 a second)."""

import re
import textwrap
from binascii import b2a_base64
from datetime import datetime
from email.utils import format_datetime, formataddr
from functools import lru_cache
from uuid import UUID

from app.core import clock
from app.core.text import name_and_address
from app.domain.content.render import Email

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_NOT_ADDRESS = re.compile(r"[\x00-\x20\x7f<>,;]+")
_LINE = 76
_WORD_BYTES = 45  # 60 characters of base64, with =?utf-8?B?...?= under the 75 of RFC 2047
_ENCODING = "charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
_HEADS = {kind: f"Content-Type: text/{kind}; {_ENCODING}".encode() for kind in ("plain", "html")}


@lru_cache(maxsize=64)
def _parts(sender: str) -> tuple[str, str]:
    """Name and address; whatever a sender holds, its address has no sign that a header or a relay could not take."""
    name, address = name_and_address(_CONTROL.sub(" ", sender))
    return name, _NOT_ADDRESS.sub("", address).encode("ascii", "replace").decode()


@lru_cache(maxsize=64)
def _from_header(sender: str) -> str:
    name, address = _parts(sender)
    return formataddr((name, address)) if name.isascii() else f"{_words(name)} <{address}>"


def bare(sender: str) -> str:
    """The address of a sender without its name."""
    return _parts(sender)[1]


@lru_cache(maxsize=4)
def _date(moment: datetime) -> str:
    return format_datetime(moment)


def _words(value: str) -> str:
    """RFC 2047 words, none of which cuts a character in two; folded."""
    words, piece = [], b""
    for character in value:
        encoded = character.encode("utf-8", "replace")
        if len(piece) + len(encoded) > _WORD_BYTES:
            words.append(piece)
            piece = b""
        piece += encoded
    words.append(piece)
    return "\r\n ".join(f"=?utf-8?B?{b2a_base64(word, newline=False).decode()}?=" for word in words)


def _subject(value: str) -> str:
    """An ASCII subject as it is, anything else (also what only looks encoded) as RFC 2047 words."""
    clean = " ".join(_CONTROL.sub(" ", value).split())
    if not clean.isascii() or "=?" in clean:
        return _words(clean)
    return "\r\n ".join(textwrap.wrap(clean, _LINE - 9, break_long_words=False, break_on_hyphens=False))


def _part(kind: str, content: str) -> bytes:
    encoded = b2a_base64(content.encode("utf-8", "replace"), newline=False)
    lines = [encoded[place : place + _LINE] for place in range(0, len(encoded), _LINE)]
    return _HEADS[kind] + b"\r\n".join(lines) + b"\r\n"


def envelope(email: Email, *, sender: str, to: str, message_id: UUID, unsubscribe_url: str | None) -> bytes:
    """The bytes of one e-mail, CRLF lines; nothing in it can begin a header of its own.

    The Message-ID is made of our id, so that a look-up in a relay's log can find it; List-Unsubscribe is one click (RFC 8058).
    """
    domain = bare(sender).rpartition("@")[2] or "localhost"
    border = f"=_{message_id.hex}"
    lines = [
        f"From: {_from_header(sender)}",
        f"To: {_NOT_ADDRESS.sub('', to)}",
        f"Subject: {_subject(email.subject)}",
        f"Date: {_date(clock.now().replace(microsecond=0))}",
        f"Message-ID: <{message_id}@{domain}>",
        "MIME-Version: 1.0",
    ]
    if unsubscribe_url:
        url = _NOT_ADDRESS.sub("", unsubscribe_url)
        lines += [f"List-Unsubscribe: <{url}>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"]
    lines += [f'Content-Type: multipart/alternative; boundary="{border}"', "", ""]
    edge = f"--{border}\r\n".encode()
    return b"".join(
        (
            "\r\n".join(lines).encode("utf-8", "replace"),
            edge, _part("plain", email.text), edge, _part("html", email.html), f"--{border}--\r\n".encode(),
        )
    )  # fmt: skip
