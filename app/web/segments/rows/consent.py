"""Consent to a channel."""

from collections.abc import Iterator
from typing import Any

from app.core.errors import mark
from app.domain.segments.fields import Catalogue
from app.domain.segments.kinds.consent import Consented
from app.web.segments.rows.base import Choice, Control, Row, Said, ops
from app.web.segments.tree import Rule

BEGIN = "consent."
STATES = {"granted": mark("given"), "withdrawn": mark("withdrawn"), "unknown": mark("never asked")}
CHANNELS = {"sms": mark("Consent to SMS"), "email": mark("Consent to e-mail")}


class ConsentRow(Row):
    """A state of the consent to a channel."""

    def offers(self, _known: Catalogue) -> Iterator[tuple[str, list[Choice]]]:
        """A choice for each channel."""
        yield mark("Consent"), [(BEGIN + channel, label, True) for channel, label in CHANNELS.items()]

    def is_begun_by(self, name: str) -> bool:
        """`consent.sms`."""
        return name.startswith(BEGIN)

    def control(self, _rule: Rule, _known: Catalogue) -> Control:
        """A state to choose."""
        return Control(ops("eq", "neq"), "choice", tuple(STATES.items()))

    def begun(self, _asked: Control) -> dict[str, str]:
        """The first state."""
        return {"v": next(iter(STATES))}

    def as_json(self, rule: Rule, _known: Catalogue) -> dict[str, Any]:
        """The channel, the operator and the state."""
        channel = rule.one("field").removeprefix(BEGIN)
        return {"kind": "consent", "channel": channel, "op": rule.one("op"), "value": rule.one("v")}

    def said(self, condition: Consented) -> Said:
        """The same."""
        return {"field": [BEGIN + condition.channel], "op": [condition.op], "v": [condition.value]}
