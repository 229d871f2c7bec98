"""One event after another, or without it."""

from collections.abc import Iterator
from typing import Any

from app.core.errors import mark
from app.domain.segments.fields import Catalogue
from app.domain.segments.kinds.sequence import DidThen
from app.web.segments.rows import filters
from app.web.segments.rows.base import Choice, Control, Row, Said, span_json, span_said
from app.web.segments.tree import Rule

NAME = "sequence"
HAPPENED = {"true": mark("and then did"), "false": mark("and then did not do")}
SPANS = {"last": mark("within"), "dates": mark("between two days"), "ever": mark("at any time after it")}


class SequenceRow(Row):
    """Two events and the time between them."""

    def offers(self, _known: Catalogue) -> Iterator[tuple[str, list[Choice]]]:
        """One choice."""
        yield mark("Behaviour"), [(NAME, mark("Did one thing, and then another or not"), True)]

    def is_begun_by(self, name: str) -> bool:
        """`sequence`."""
        return name == NAME

    def control(self, _rule: Rule, _known: Catalogue) -> Control:
        """The inputs of a sequence."""
        return Control((), NAME)

    def begun(self, _asked: Control) -> dict[str, str]:
        """Within two weeks."""
        return {"happened": "true", "span": "last", "last": "14", "unit": "days"}

    def as_json(self, rule: Rule, _known: Catalogue) -> dict[str, Any]:
        """Both events, and the time."""
        first = {"event": rule.one("event").lower(), **filters.as_json(rule, "w")}
        then = {"event": rule.one("then").lower(), **filters.as_json(rule, "x")}
        happened = rule.one("happened") != "false"
        return {"kind": NAME, "first": first, "then": then, "happened": happened, **span_json(rule)}

    def said(self, condition: DidThen) -> Said:
        """The same."""
        return {
            "field": [NAME], "event": [condition.first.event], "then": [condition.then.event],
            "happened": ["true" if condition.happened else "false"],
            **filters.said(condition.first.where, "w"), **filters.said(condition.then.where, "x"),
            **(span_said(condition.within) or {"span": ["ever"]}),
        }  # fmt: skip
