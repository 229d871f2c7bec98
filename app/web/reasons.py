"""Why a message was not sent, or what became of it, in the reader's words; one table for lists, results and evidence."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask_babel import gettext
from flask_babel import gettext as _

from app.core.errors import mark
from app.domain.messages.words import CHANNEL, REASON, STATE

AUDIENCE = {"matched": mark("In the audience"), "will_receive": mark("Will receive it")}
CLASSES = {"service": mark("Service message"), "marketing": mark("Marketing")}
PRIORITIES = {"urgent": mark("Urgent"), "normal": mark("Normal"), "bulk": mark("Bulk")}
OUTCOMES = {
    "accepted": mark("Taken by the provider"),
    "rejected": mark("Refused for good"),
    "not_sent": mark("Not taken; to be tried again"),
    "unknown": mark("No clear answer: in doubt"),
}


SOURCES = {
    "by hand": mark("By hand"),
    "link in a message": mark("Link in a message"),
    "provider": mark("Provider"),
    "reply": mark("Reply by SMS"),
    "unsubscribe link": mark("Unsubscribe link"),
    "wrote STOP": mark("Wrote STOP"),
}


def source(key: str) -> str:
    """Where a fact came from: our own words in the reader's language, a person's as he wrote them."""
    return gettext(SOURCES[key]) if key in SOURCES else key


def reason(key: str | None) -> str:
    """A reason in the reader's language; an unknown one as a plain word."""
    return _say(REASON | AUDIENCE, key)


def state(key: str) -> str:
    """A message's state as a list of numbers calls it."""
    return _say(STATE, key)


def channel(key: str) -> str:
    """A channel in the reader's language."""
    return _say(CHANNEL, key)


def falls(counted: Mapping[str, int]) -> list[dict[str, Any]]:
    """The rows of a waterfall: who matched, who falls out for which reason, who will receive."""
    left_out = {key: number for key, number in counted.items() if key not in ("matched", "will_receive")}
    rows: list[dict[str, Any]] = [{"label": _("In the audience"), "number": counted["matched"]}]
    if left_out:
        drawn = [{"label": reason(key), "number": number} for key, number in left_out.items()]
        rows.append({"label": _("Left out"), "number": sum(left_out.values()), "minus": True, "reasons": drawn})
    return [*rows, {"label": _("Will receive it"), "number": counted.get("will_receive", 0), "total": True}]


def _say(table: dict[str, str], key: str | None) -> str:
    if not key:
        return ""
    return gettext(table[key]) if key in table else key.replace("_", " ").capitalize()


# What templates call them by.
LABELS: dict[str, Callable[..., str]] = {
    "source_label": source,
    "reason_label": reason,
    "channel_label": partial(_say, CHANNEL),
    "class_label": partial(_say, CLASSES),
    "priority_label": partial(_say, PRIORITIES),
    "outcome_label": partial(_say, OUTCOMES),
}
