"""Text rules used everywhere: e-mail addresses, cleaning of names."""

import re
import unicodedata
from email.utils import unquote

_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
_NAMED = re.compile(r"([^<>]*?)\s*<([^<>]*)>")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def email(value: str) -> str | None:
    """The address normalised (NFKC, lower case, IDNA domain), or None if mail could not be sent to it."""
    local, at, domain = unicodedata.normalize("NFKC", value).strip().lower().rpartition("@")
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local):
        return None
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return None
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        return None
    return f"{local}@{domain}"


def name_and_address(value: str) -> tuple[str, str]:
    """The two parts of `Name <address>`, as people write it: the name may hold anything and needs no quotes, or is missing."""
    found = _NAMED.fullmatch(value.strip())
    if found is None:
        return "", value.strip()
    name, address = found.groups()
    return (unquote(name) if len(name) > 1 and name[0] == name[-1] == '"' else name), address.strip()


def clean(value: str) -> str:
    """Text without control characters and without space at its ends, in NFC."""
    if value.isascii() and value.isprintable():  # most are
        return value.strip()
    return unicodedata.normalize("NFC", _CONTROL.sub("", value)).strip()


MASK = "•"  # stands for a sign that is not shown


def masked_email(value: str) -> str:
    """The address as it may be shown to anybody: first letter and domain."""
    local, _, domain = value.partition("@")
    return f"{local[:1]}{3 * MASK}@{domain}"


def masked_name(value: str) -> str:
    """A name as it may be shown to anybody: its first letter."""
    return f"{value[:1]}{3 * MASK}" if value else ""
