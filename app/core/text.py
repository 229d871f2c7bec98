"""Text rules used everywhere: e-mail addresses, cleaning of names."""

import re
import unicodedata
from email.utils import unquote

import idna

# Format characters (category Cf) that programs put into what people copy: marks of direction, soft hyphen, zero width, BOM.
UNSEEN = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0001\U000e0020-\U000e007f"
)
JOINERS = "\u200c\u200d"
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
_NAMED = re.compile(r"([^<>]*?)\s*<([^<>]*)>")
_CONTROL = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f{UNSEEN}]")
_ALL_UNSEEN = re.compile(rf"[{UNSEEN}{JOINERS}]")
_SPARE_JOINER = re.compile(rf"(?<![\u0600-\U0010ffff])[{JOINERS}]+|[{JOINERS}]+(?![\u0600-\U0010ffff{JOINERS}])")


def email(value: str) -> str | None:
    """The address normalised, or None if mail could not be sent to it.

    Lower case, without unseen characters; the domain by IDNA 2008 after UTS 46, non-transitional: ß and ς are letters of their
    own, because straße.example and strasse.example may have two owners.
    """
    if not value.isascii():
        value = unicodedata.normalize("NFKC", _ALL_UNSEEN.sub("", value))
    local, at, domain = value.strip().lower().rpartition("@")
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local):
        return None
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True, transitional=False).decode()
        except UnicodeError:  # idna's own errors are such
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
    """Text without control and unseen characters and without space at its ends, in NFC.

    Joiners stay between letters or signs that need them: Persian, Hindi, families of emoji.
    """
    if value.isascii() and value.isprintable():  # most are
        return value.strip()
    seen = _CONTROL.sub("", value)
    if "\u200c" in seen or "\u200d" in seen:
        seen = _SPARE_JOINER.sub("", seen)
    return unicodedata.normalize("NFC", seen).strip()


class _Folding(dict[int, int | str | None]):
    """For str.translate: letters, their marks and digits stay, what is unseen goes, anything else separates words."""

    def __missing__(self, code: int) -> int | str | None:
        category = unicodedata.category(chr(code))
        self[code] = folded = code if category[0] in "LMN" else None if category == "Cf" else " "
        return folded


_POINTS = (*range(0x0591, 0x05BE), 0x05BF, 0x05C1, 0x05C2, 0x05C4, 0x05C5, 0x05C7)
_FOLDING = _Folding(
    dict(zip(map(ord, "ךםןףץ"), map(ord, "כמנפצ"), strict=True))
    | dict.fromkeys(_POINTS)
    | dict.fromkeys(map(ord, "'’‘ʼ`´\"”“״׳"))  # O'Hara, צ'רלי: one word, also for who types it without
)


def folded(name: str) -> str:
    """A name as names are compared: its words with one space between, without capitals, Hebrew points and final letters."""
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name.replace("´", ""))
    return " ".join(name.casefold().translate(_FOLDING).split())


MASK = "•"  # stands for a sign that is not shown


def masked_email(value: str) -> str:
    """The address as it may be shown to anybody: first letter and domain."""
    local, _, domain = value.partition("@")
    return f"{local[:1]}{3 * MASK}@{domain}"


def masked_name(value: str) -> str:
    """A name as it may be shown to anybody: its first letter."""
    return f"{value[:1]}{3 * MASK}" if value else ""
