"""SMS arithmetic: encoding, units and parts (3GPP TS 23.038, 23.040)."""

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")  # two units each


@dataclass(frozen=True)
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
    if all(c in _BASIC or c in _EXTENDED for c in text):
        return _packed("GSM-7", [2 if c in _EXTENDED else 1 for c in text], 160, 153)
    forcing = "".join(dict.fromkeys(c for c in text if c not in _BASIC and c not in _EXTENDED))[:8]
    return _packed("UCS-2", [2 if ord(c) > 0xFFFF else 1 for c in text], 70, 67, forcing)


def _packed(encoding: str, units: list[int], single: int, multi: int, forcing: str = "") -> Measure:
    total = sum(units)
    if total <= single:
        return Measure(encoding, total, 1 if units else 0, single, forcing)
    parts, room = 1, multi
    for size in units:
        if size > room:
            parts, room = parts + 1, multi
        room -= size
    return Measure(encoding, total, parts, multi, forcing)
