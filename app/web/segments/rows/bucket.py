"""A random share, typed in per cent."""

import re
import secrets
from collections.abc import Iterator
from typing import Any

from app.core.errors import mark
from app.domain.segments.fields import Catalogue
from app.domain.segments.kinds.bucket import InBucket
from app.web.segments.rows.base import Choice, Control, Row, Said
from app.web.segments.tree import Rule

NAME = "bucket"


class BucketRow(Row):
    """A share of a draw: "from 0 to 10" are the buckets 0 to 999."""

    def offers(self, _known: Catalogue) -> Iterator[tuple[str, list[Choice]]]:
        """One choice."""
        yield mark("Segments and shares"), [(NAME, mark("Random share"), True)]

    def is_begun_by(self, name: str) -> bool:
        """`bucket`."""
        return name == NAME

    def control(self, _rule: Rule, _known: Catalogue) -> Control:
        """The inputs of a share."""
        return Control((), "bucket")

    def begun(self, _asked: Control) -> dict[str, str]:
        """The first tenth of a draw of its own."""
        return {"salt": secrets.token_hex(3), "from": "0", "to": "10"}

    def as_json(self, rule: Rule, _known: Catalogue) -> dict[str, Any]:
        """The draw and its buckets."""
        first, end = _share(rule.one("from")), _share(rule.one("to"))
        last = end - 1 if isinstance(end, int) else end
        return {"kind": "bucket", "salt": rule.one("salt"), "from": first, "to": last}

    def said(self, condition: InBucket) -> Said:
        """The draw and its share."""
        share = {"from": [_percent(condition.first)], "to": [_percent(condition.last + 1)]}
        return {"field": [NAME], "salt": [condition.salt], **share}


def _share(said: str) -> int | str:
    clean = said.strip().rstrip("%").strip()
    whole, _, hundredths = clean.partition(".")
    is_share = whole.isascii() and whole.isdigit() and len(whole) <= 3 and re.fullmatch("[0-9]{0,2}", hundredths)
    return int(whole) * 100 + int(hundredths.ljust(2, "0")) if is_share else clean


def _percent(buckets: int) -> str:
    return f"{buckets // 100}.{buckets % 100:02}".removesuffix("00").removesuffix(".")
