"""JSON that strangers wrote: how deep it may go is looked at before anything is made of it."""

import json
import re
from typing import Any

DEEPEST = 40  # a definition of a segment has five groups in each other, three levels each
_TEXTS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_SIGNS = re.compile(rb"[\[{]|[\]}]")


def loads(raw: bytes | str) -> Any:
    """What the text says. Raises ValueError: no JSON, too deep, or with half a character in it, which cannot be kept."""
    written = raw.encode() if isinstance(raw, str) else raw
    _measure(written)
    try:
        found = json.loads(written)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("too deep") from None
    return found


def _measure(written: bytes) -> None:
    deep = 0
    for sign in _SIGNS.finditer(_TEXTS.sub(b"", written)):
        deep += 1 if sign[0] in b"[{" else -1
        if deep > DEEPEST:
            raise ValueError("too deep")
