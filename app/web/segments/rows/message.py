"""What happened to messages, how often and when."""

from collections.abc import Iterator
from typing import Any

from app.core.errors import mark
from app.domain.segments.fields import Catalogue
from app.domain.segments.kinds.message import Messaged
from app.domain.segments.spans import Span
from app.web.segments.rows.base import Choice, Control, Row, Said
from app.web.segments.tree import Rule
from app.web.segments.typed import number

BEGIN = "message."
TIMES = {
    "gte": mark("at least"), "eq": mark("exactly"), "gt": mark("more than"),
    "lt": mark("fewer than"), "lte": mark("at most"),
}  # fmt: skip
HAPPENED = {
    "sent": mark("Was sent a message"), "delivered": mark("Received a message"), "opened": mark("Opened a message"),
    "clicked": mark("Clicked in a message"), "bounced": mark("Had a message bounce"),
    "complained": mark("Complained about a message"), "unsubscribed": mark("Unsubscribed from a message"),
    "failed": mark("Could not be reached"),
}  # fmt: skip


class MessageRow(Row):
    """One of the things that happen to messages."""

    def offers(self, _known: Catalogue) -> Iterator[tuple[str, list[Choice]]]:
        """A choice for each thing that happens."""
        yield mark("Messages"), [(BEGIN + did, label, True) for did, label in HAPPENED.items()]

    def is_begun_by(self, name: str) -> bool:
        """`message.opened`."""
        return name.startswith(BEGIN)

    def control(self, _rule: Rule, _known: Catalogue) -> Control:
        """How often, and the inputs of a message."""
        return Control(tuple(TIMES.items()), "message")

    def begun(self, _asked: Control) -> dict[str, str]:
        """At least once."""
        return {"op": "gte", "v": "1", "who": "human", "last": "30", "unit": "days"}

    def as_json(self, rule: Rule, _known: Catalogue) -> dict[str, Any]:
        """What happened, to which messages, how often and when."""
        condition: dict[str, Any] = {"kind": "message", "did": rule.one("field").removeprefix(BEGIN)}
        condition |= {part: rule.one(part) for part in ("channel", "campaign") if rule.one(part)}
        if rule.one("who") == "any":
            condition["who"] = "any"
        condition["times"] = {"op": rule.one("op", "gte"), "value": number(rule.one("v", "1"))}
        span = rule.one("span")
        if span == "last":
            condition["within"] = {"last": number(rule.one("last")), "unit": rule.one("unit", "days")}
        elif span == "dates":
            condition["within"] = {part: rule.one(part) for part in ("from", "to") if rule.one(part)}
        return condition

    def said(self, condition: Messaged) -> Said:
        """The same."""
        times: Said = {"op": [condition.times.op], "v": [str(condition.times.value)]}
        about: Said = {
            "channel": [condition.channel or ""], "who": [condition.who], "campaign": [str(condition.campaign or "")],
        }  # fmt: skip
        return {"field": [BEGIN + condition.did], **times, **about, **_span(condition.within)}


def _span(span: Span | None) -> Said:
    if span is None:
        return {}
    if span.last is not None:
        return {"span": ["last"], "last": [str(span.last)], "unit": [span.unit]}
    return {"span": ["dates"], "from": [span.first_day or ""], "to": [span.last_day or ""]}
