"""Another segment."""

from collections.abc import Iterator
from typing import Any

from app.core.errors import mark
from app.domain.segments.fields import Catalogue
from app.domain.segments.kinds.segment import InSegment
from app.web.segments.rows.base import Choice, Control, Row, Said
from app.web.segments.tree import Rule

NAME = "segment"


class SegmentRow(Row):
    """In another segment, or not."""

    def offers(self, _known: Catalogue) -> Iterator[tuple[str, list[Choice]]]:
        """One choice; which segment is the value."""
        yield mark("Segments and shares"), [(NAME, mark("Another segment"), True)]

    def is_begun_by(self, name: str) -> bool:
        """`segment`."""
        return name == NAME

    def control(self, _rule: Rule, _known: Catalogue) -> Control:
        """A segment to choose."""
        return Control((("in", mark("is in")), ("not_in", mark("is not in"))), "segment")

    def as_json(self, rule: Rule, _known: Catalogue) -> dict[str, Any]:
        """The segment and the operator."""
        return {"kind": "segment", "segment": rule.one("v"), "op": rule.one("op")}

    def said(self, condition: InSegment) -> Said:
        """The same."""
        return {"field": [NAME], "op": [condition.op], "v": [str(condition.segment)]}
