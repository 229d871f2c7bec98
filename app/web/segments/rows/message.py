"""What happened to messages, how often and when."""

from collections.abc import Iterator
from typing import Any

from app.core.errors import mark
from app.domain.segments.fields import Catalogue
from app.domain.segments.kinds.message import Messaged
from app.web.segments.rows.base import TIMES, Choice, Control, Row, Said, span_json, span_said
from app.web.segments.tree import Rule
from app.web.segments.typed import number

BEGIN = "message."
HAPPENED = {
    "sent": mark("Was sent a message"), "delivered": mark("Received a message"), "opened": mark("Opened a message"),
    "clicked": mark("Clicked in a message"), "replied": mark("Replied to a message"), "bounced": mark("Had a message bounce"),
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
        return Control(tuple(pair for pair in TIMES.items() if pair[0] != "between"), "message")

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
        condition |= span_json(rule)
        return condition

    def said(self, condition: Messaged) -> Said:
        """The same."""
        times: Said = {"op": [condition.times.op], "v": [str(condition.times.value)]}
        about: Said = {
            "channel": [condition.channel or ""], "who": [condition.who], "campaign": [str(condition.campaign or "")],
        }  # fmt: skip
        return {"field": [BEGIN + condition.did], **times, **about, **span_said(condition.within)}
