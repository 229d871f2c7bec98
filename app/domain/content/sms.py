"""SMS arithmetic: encoding, units and parts (3GPP TS 23.038, 23.040)."""

from collections.abc import Callable
from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")  # two units each
_GSM = _BASIC | _EXTENDED
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Measure:
    """How a text travels. `forcing` names the first characters that make it Unicode and so more than twice as dear."""

    encoding: str
    units: int
    parts: int
    per_part: int
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


def _is_pair(sign: str) -> bool:
    return sign > "\uffff"


def _packed(
    encoding: str, text: str, wide: int, is_wide: Callable[[str], bool], rooms: tuple[int, int], forcing: str = ""
) -> Measure:
    """`wide` counts the signs that take two units; only where there are some does the packing matter."""
    single, several = rooms
    units = len(text) + wide
    if units <= single:
        return Measure(encoding, units, 1 if units else 0, single, forcing)
    if not wide:
        return Measure(encoding, units, -(-units // several), several, forcing)
    parts, room = 1, several
    for sign in text:
        size = 2 if is_wide(sign) else 1
        if size > room:
            parts, room = parts + 1, several
        room -= size
    return Measure(encoding, units, parts, several, forcing)
