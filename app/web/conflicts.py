"""Somebody saved what is being edited: who, and what differs; nothing that was written is lost."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import g
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import Field

from app.core.db import db
from app.domain.audit import trail

_NOT_COMPARED = ("csrf_token", "version", "code", "language")


@dataclass(frozen=True)
class Difference:
    """One field: how it stands now, and how this form has it."""

    label: str
    theirs: str
    yours: str


@dataclass(frozen=True)
class Conflicting:
    """What a page shows when it was too late: whose change it was (your own, from another window), when, and the differences."""

    who: str = ""
    is_own: bool = False
    at: datetime | None = None
    differences: list[Difference] = field(default_factory=list)


def conflicting(subject: tuple[str, UUID], differences: Iterable[Difference]) -> Conflicting:
    """Who changed a subject last, beside what differs."""
    last = trail.last_change(db.session(), subject)
    found = [one for one in differences if one.theirs != one.yours]
    if last is None:
        return Conflicting(differences=found)
    return Conflicting(last.actor_name, last.actor_id == g.actor.id, last.at, found)


def between(theirs: FlaskForm, yours: FlaskForm) -> list[Difference]:
    """The fields of two forms of one kind, as people read them."""
    return [
        Difference(str(one.label.text), spelt(theirs[one.name]), spelt(one))
        for one in yours
        if one.name not in _NOT_COMPARED and one.name in theirs
    ]


def spelt(one: Field) -> str:
    """The value of a field in the words of its choices."""
    value = one.data
    choices = {str(choice[0]): str(choice[1]) for choice in getattr(one, "choices", None) or ()}
    if isinstance(value, list | tuple):
        return ", ".join(sorted(choices.get(str(part), str(part)) for part in value))
    if choices:
        return choices.get(str(value or ""), str(value or ""))
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y %H:%M}"
    return "" if value is None else str(value).replace("\r\n", "\n").strip()
