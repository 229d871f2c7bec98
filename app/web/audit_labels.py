"""What the audit trail says, in the reader's words: the act, and what was before and after (setting_words.py)."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import g, url_for
from flask_babel import gettext, ngettext
from sqlalchemy.orm import Session

from app.core import i18n, nouns
from app.core.db import db
from app.core.errors import mark
from app.core.nouns import Noun, Subject
from app.domain.audit.models import AuditEntry
from app.domain.reports import naming
from app.web import setting_words
from app.web.locale import current_language
from app.web.navigation import exists

# What is done to a request for a change, whatever it is about.
REQUESTS = {
    "submitted": mark("Asked a second person for a change"),
    "approved": mark("Decided for a change that somebody asked for"),
    "rejected": mark("Refused a change that somebody asked for"),
    "withdrawn": mark("Took a request for a change back"),
}

# What was done with how many of the people in a flow; the reasons are among the changes.
PEOPLE: Mapping[str, Callable[[int], str]] = {
    "retried": lambda n: ngettext(
        "Let %(num)s person in the flow try the step again", "Let %(num)s people in the flow try the step again", n
    ),
    "skipped": lambda n: ngettext("Passed %(num)s person on in the flow", "Passed %(num)s people on in the flow", n),
    "moved": lambda n: ngettext("Moved %(num)s person in the flow", "Moved %(num)s people in the flow", n),
    "removed": lambda n: ngettext("Took %(num)s person out of the flow", "Took %(num)s people out of the flow", n),
    "approved": lambda n: ngettext("Approved %(num)s person in the flow", "Approved %(num)s people in the flow", n),
    "rejected": lambda n: ngettext("Refused %(num)s person in the flow", "Refused %(num)s people in the flow", n),
}

_DIGEST = re.compile("[0-9a-f]{64}")
_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Names = Mapping[str, str]  # what ids are called


@dataclass(frozen=True)
class Value:
    """A value in words; `ids` is what stands behind the names in it."""

    text: str
    ids: str = ""


@dataclass(frozen=True)
class Change:
    """One value that an act changed; None is nothing."""

    name: str
    before: Value | None
    after: Value | None


@dataclass(frozen=True)
class Act:
    """An entry as a page draws it."""

    entry: AuditEntry
    said: str
    kind: str
    changes: list[Change]
    url: str = ""
    name: str = ""  # of what it was done to


def actions() -> Mapping[str, str]:
    """Every act and its words."""
    return nouns.named(_acts)


def kinds() -> Mapping[str, Subject]:
    """Every kind of thing that acts are done to."""
    return nouns.named(_subjects)


def _acts(noun: Noun) -> Mapping[str, str]:
    return noun.acts


def _subjects(noun: Noun) -> Mapping[str, Subject]:
    return noun.subjects


def said(action: str) -> str:
    """An action in the reader's words; an unknown one as it is kept."""
    known = actions().get(action) or REQUESTS.get(action.rpartition(".")[2])
    return gettext(known) if known else action


def said_of(entry: AuditEntry) -> str:
    """What an entry says was done; with people in a flow: what, and with how many."""
    after = entry.after or {}
    if entry.action == "flow.people" and after.get("act") in PEOPLE:
        return PEOPLE[after["act"]](after["people"])
    return said(entry.action)


def kind(name: str) -> str:
    """A kind of subject in the reader's words."""
    known = kinds().get(name)
    return gettext(known.label) if known else name.replace("_", " ").capitalize()


def names_in(session: Session, *values: object) -> Names:
    """What the ids anywhere in some values are called; ask once for all that is drawn together."""
    found = {UUID(one) for value in values for one in _ID.findall(repr(value))}
    return {str(key): name for key, name in naming.names(session, found, by=g.actor).items()}


def names_of(session: Session, entries: Iterable[AuditEntry]) -> Names:
    """What the ids in some entries are called."""
    return names_in(session, [(entry.subject_id, entry.before, entry.after) for entry in entries])


def drawn(entries: Sequence[AuditEntry], names: Names | None = None) -> list[Act]:
    """Entries as a page draws them."""
    names = names_of(db.session(), entries) if names is None else names
    return [
        Act(
            entry,
            said_of(entry),
            kind(entry.subject_kind),
            changes(entry.before, entry.after, names),
            page_of(entry.subject_kind, entry.subject_id),
            names.get(entry.subject_id, ""),
        )
        for entry in entries
    ]


def page_of(kind: str, subject_id: object) -> str:
    """The page of a thing that acts are done to; nothing if it has none."""
    known = kinds().get(kind)
    endpoint, name = known.page if known else ("", "")
    values: dict[str, Any] = {name: subject_id}
    return url_for(endpoint, **values) if endpoint and exists(endpoint) else ""


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None, names: Names | None = None) -> list[Change]:
    """What differs between two states, field by field; what is only in one of them is shown alone."""
    names = names_in(db.session(), before, after) if names is None else names
    old, new = _flat(before, names), _flat(after, names)
    fields = [field for field in {**old, **new} if old.get(field) != new.get(field)]
    is_in_both = old.keys() & new.keys()
    nothing = {field: Value(setting_words.nothing(field)) if field in is_in_both else None for field in fields}
    return [
        Change(_name(field), old.get(field) or nothing[field], new.get(field) or nothing[field]) for field in fields
    ]


def _flat(values: dict[str, Any] | None, names: Names, prefix: str = "") -> dict[str, Value | None]:
    flat: dict[str, Value | None] = {}
    for name, value in (values or {}).items():
        if isinstance(value, dict):
            flat |= _flat(value, names, f"{prefix}{name}.")
        else:
            is_empty = value in (None, "", [])
            parts = value if isinstance(value, list) else [value]
            flat[f"{prefix}{name}"] = None if is_empty else _value(name, parts, names)
    return flat


def _value(name: str, parts: list[Any], names: Names) -> Value:
    ids = ", ".join(part for part in parts if isinstance(part, str) and part in names)
    return Value(", ".join(names.get(str(part)) or _word(name, part) for part in parts), ids)


def _word(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, int | float):
        return str(i18n.number(value, current_language()))
    said = str(value)
    return f"{said[:12]}…" if _DIGEST.fullmatch(said) else setting_words.value(name, said)


def _name(path: str) -> str:
    *places, leaf = path.split(".")
    return " › ".join([*map(setting_words.place, places), setting_words.name(leaf)])
