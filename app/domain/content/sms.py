"""SMS arithmetic: encoding, units and parts (3GPP TS 23.038, 23.040)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")  # two units each
_GSM = _BASIC | _EXTENDED
SHOWN = 8


_SPACES = (
    "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_UNSEEN = (
    "\xad\u034f\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068"
    "\u2069\ufeff"
)
_JOINERS = "\u200c\u200d"  # of Persian words and of emojis: nothing to join among plain letters
_PLAIN = str.maketrans(dict.fromkeys(_SPACES, " ") | dict.fromkeys(_UNSEEN, ""))
_PLAINER = _PLAIN | str.maketrans(dict.fromkeys(_JOINERS, ""))


def plain(value: Any) -> Any:
    """A value as it is put into an SMS: signs that look like a space are one, those nobody sees are gone.

    Each of them would make the text Unicode, and so cost a second part without being seen.
    """
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not isinstance(value, str) or value.isascii():
        return value
    bare = value.translate(_PLAINER)
    return bare if _GSM.issuperset(bare) else value.translate(_PLAIN)


@dataclass(frozen=True, slots=True)
class Measure:
    """How a text travels. `forcing` names the first characters that make it Unicode and so more than twice as dear."""

    encoding: str
    units: int
    parts: int
    forcing: str = ""


def measure(text: str) -> Measure:
    """Encoding, units and parts of a text.

    GSM-7 has 160 units, 153 a part when there are several; UCS-2 70 and 67. Parts are packed greedily, since neither an
    extension character nor a surrogate pair may straddle a border: dividing and rounding up is wrong.
    """
    signs = set(text)
    forcing = signs - _GSM
    if forcing:
        wide = sum(map(_is_pair, text)) if max(signs) > "\uffff" else 0
        return _packed("UCS-2", text, wide, _is_pair, (70, 67), "".join(sorted(forcing, key=text.find)[:SHOWN]))
    wide = sum(map(_EXTENDED.__contains__, text)) if signs & _EXTENDED else 0
    return _packed("GSM-7", text, wide, _EXTENDED.__contains__, (160, 153))


def excess(text: str) -> int:
    """How many parts more a text takes than it would without the signs that make it Unicode."""
    measured = measure(text)
    if not measured.forcing:
        return 0
    return measured.parts - measure("".join(sign if sign in _GSM else "x" for sign in text)).parts


def is_plain(text: str) -> bool:
    """True if nothing in a text makes it Unicode."""
    return _GSM.issuperset(text)


def _is_pair(sign: str) -> bool:
    return sign > "\uffff"


def _packed(
    encoding: str, text: str, wide: int, is_wide: Callable[[str], bool], rooms: tuple[int, int], forcing: str = ""
) -> Measure:
    """`wide` counts the signs that take two units; only where there are some does the packing matter."""
    single, several = rooms
    units = len(text) + wide
    if units <= single:
        return Measure(encoding, units, 1 if units else 0, forcing)
    if not wide:
        return Measure(encoding, units, -(-units // several), forcing)
    parts, room = 1, several
    for sign in text:
        size = 2 if is_wide(sign) else 1
        if size > room:
            parts, room = parts + 1, several
        room -= size
    return Measure(encoding, units, parts, forcing)
