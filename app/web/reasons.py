"""Why a message was not sent, or what became of it, in the reader's words; one table for lists, results and evidence."""

from collections.abc import Callable

from flask import Flask
from flask_babel import gettext

from app.core.errors import mark
from app.domain.reports.words import CHANNEL, REASON, STATE

AUDIENCE = {"matched": mark("In the audience"), "will_receive": mark("Will receive it")}
CLASSES = {"service": mark("Service message"), "marketing": mark("Marketing")}
PRIORITIES = {"urgent": mark("Urgent"), "normal": mark("Normal"), "bulk": mark("Bulk")}
OUTCOMES = {
    "accepted": mark("Taken by the provider"),
    "rejected": mark("Refused for good"),
    "not_sent": mark("Not taken; to be tried again"),
    "unknown": mark("No clear answer: in doubt"),
}


def init_app(app: Flask) -> None:
    """Give templates `reason_label`, `channel_label`, `class_label`, `priority_label` and `outcome_label`."""
    tables = {
        "reason_label": REASON, "channel_label": CHANNEL, "class_label": CLASSES, "priority_label": PRIORITIES,
        "outcome_label": OUTCOMES,
    }  # fmt: skip
    app.jinja_env.globals.update({name: _reader(table) for name, table in tables.items()})


def reason(key: str | None) -> str:
    """A reason in the reader's language; an unknown one as a plain word."""
    return _say(REASON | AUDIENCE, key)


def state(key: str) -> str:
    """A message's state as a list of numbers calls it."""
    return _say(STATE, key)


def channel(key: str) -> str:
    """A channel in the reader's language."""
    return _say(CHANNEL, key)


def _say(table: dict[str, str], key: str | None) -> str:
    if not key:
        return ""
    return gettext(table[key]) if key in table else key.replace("_", " ").capitalize()


def _reader(table: dict[str, str]) -> Callable[[str | None], str]:
    return lambda key: _say(table, key)
