"""A condition the builder has no inputs for, made over the API: shown in words, kept as it is, or taken away."""

import json
from typing import Any

from app.domain.segments.condition import Condition
from app.domain.segments.fields import Catalogue
from app.web.segments.rows.base import Control, Row, Said
from app.web.segments.tree import Rule

BEGIN = "kept."


class KeptRow(Row):
    """Any condition, as JSON in a hidden input."""

    def is_begun_by(self, name: str) -> bool:
        """`kept.event`."""
        return name.startswith(BEGIN)

    def control(self, _rule: Rule, _known: Catalogue) -> Control:
        """Nothing to ask for."""
        return Control((), "kept")

    def as_json(self, rule: Rule, _known: Catalogue) -> dict[str, Any]:
        """What came; from a browser that may be anything, and the domain looks at it."""
        try:
            kept = json.loads(rule.one("v"))
        except (ValueError, RecursionError):
            kept = None
        return kept if isinstance(kept, dict) else {"kind": rule.one("field").removeprefix(BEGIN)}

    def said(self, condition: Condition) -> Said:
        """The whole of it."""
        return {"field": [BEGIN + condition.kind], "v": [json.dumps(condition.dump(), ensure_ascii=False)]}
