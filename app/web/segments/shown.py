"""A segment as its pages draw it: sentences in the reader's language, names of what it uses, trees with verdicts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask import flash, g
from flask_babel import gettext as _

from app.core import clock, i18n
from app.core.db import db
from app.core.errors import Invalid
from app.core.page import MOST, Ask
from app.domain.access.keyring import organisation_of
from app.domain.audit.models import AuditEntry
from app.domain.bank import balances
from app.domain.campaigns import drafts
from app.domain.segments import encryption, fields, library, saying, suggestions, words
from app.domain.segments.condition import Condition
from app.domain.segments.definition import AllOf, AnyOf, Definition, Not, children, parse
from app.domain.segments.explain import Explanation
from app.domain.segments.fields import Catalogue
from app.domain.segments.models import Segment
from app.domain.segments.saying import Names
from app.domain.segments.versions import Difference
from app.web import audit_labels
from app.web.audit_labels import Act, Change, Value
from app.web.locale import current_language


def catalogue() -> Catalogue:
    """The fields of the organisation, read once a request."""
    if "segment_fields" not in g:
        g.segment_fields = fields.catalogue(db.session())
    known: Catalogue = g.segment_fields
    return known


def names() -> Names:
    """What ids in definitions are called, read once a request."""
    if "segment_names" not in g:
        session = db.session()
        campaigns = drafts.listed(session, Ask(per_page=MOST), by=g.actor).items
        g.segment_names = Names(
            catalogue(), library.names(session, by=g.actor), {one.id: one.name for one in campaigns}
        )
    known: Names = g.segment_names
    return known


def sentence(definition: Definition, *, in_full: bool = False) -> str:
    """A definition in the reader's language; `in_full` for who has the values of personal fields before him."""
    return spoken(words.sentence(definition, replace(names(), in_full=in_full)))


def spoken(said: Any) -> str:
    """In the reader's language. From right to left every Latin name keeps its own direction (Unicode isolates)."""
    if i18n.direction(current_language()) == "ltr":
        return saying.spoken(said, _)
    return saying.spoken(said, _, lambda name: f"\u2068{name}\u2069")


def sentence_of(segment: Segment) -> str:
    """A stored segment in the reader's language."""
    return sentence(library.definition_of(db.session(), segment))


def versions(entries: Sequence[AuditEntry], known: audit_labels.Names | None = None) -> list[Act]:
    """The entries of a segment's history, their definitions as sentences."""
    known = audit_labels.names_of(db.session(), entries) if known is None else known
    return [replace(act, changes=_said_changes(act, known)) for act in audit_labels.drawn(entries, known)]


def _said_changes(act: Act, known: audit_labels.Names) -> list[Change]:
    before, after = ({**(values or {})} for values in (act.entry.before, act.entry.after))
    old, new = before.pop("definition", None), after.pop("definition", None)
    said = Change(_("Conditions"), _sentence_of_kept(old), _sentence_of_kept(new))
    return [*audit_labels.changes(before, after, known), *([said] if old or new else [])]


def _sentence_of_kept(raw: dict[str, Any] | None) -> Value | None:
    return None if not raw else Value(sentence(encryption.readable(db.session(), raw)))


def kept(raw: dict[str, Any]) -> str:
    """A condition the builder has no inputs for, in words; nothing if it is none."""
    try:
        node = parse({"where": raw}).where
    except Invalid:
        return ""
    return spoken(node.words(names())) if isinstance(node, Condition) else ""


def worded(options: Iterable[tuple[str, str]], translates: bool = True) -> list[tuple[str, str]]:
    """Choices in the reader's language; the bank's own words stay as they are."""
    return [(value, _(word) if translates else word) for value, word in options]


def suggested(name: str) -> list[str]:
    """Values the field has now, to choose from."""
    field = catalogue().get(name)
    return suggestions.of(db.session(), field) if field else []


def months(chosen: str) -> list[tuple[str, str]]:
    """The months a fact of the bank can be about: this one, the last, every one that balances are kept of, and the chosen one."""
    session, language = db.session(), current_language()
    month, oldest, named = clock.today(organisation_of(session).timezone), balances.oldest(session), []
    while (month := (month.replace(day=1) - timedelta(days=1)).replace(day=1)) >= oldest:
        named.append(month)
    if clock.is_day(f"{chosen}-01") and date.fromisoformat(f"{chosen}-01") not in named:
        named.append(date.fromisoformat(f"{chosen}-01"))
    near = [("current", _("this month, as far as it goes")), ("previous", _("last month"))]
    return [*near, *((f"{one:%Y-%m}", i18n.month(one, language)) for one in named)]


def events() -> list[str]:
    """Events that somebody did."""
    return suggestions.event_names(db.session())


def event_properties(event: str) -> list[str]:
    """What an event is told with."""
    return suggestions.event_properties(db.session(), event.lower()) if event else []


def segments(without: str | None) -> list[tuple[str, str]]:
    """The segments a condition can name."""
    return [(str(one), name) for one, name in names().segments.items() if str(one) != without]


def campaigns() -> list[tuple[str, str]]:
    """The campaigns a condition can name, newest first."""
    return [(str(one), name) for one, name in names().campaigns.items()]


def saved(segment: Segment, *, is_new: bool) -> None:
    """Say that a segment was saved."""
    flash(_("The segment is made.") if is_new else _("The segment is saved."), "success")


@dataclass(frozen=True)
class Line:
    """One thing that is different between two versions."""

    name: str
    said: str


def differences(found: Difference) -> list[Line]:
    """What is different, in words."""
    lines = []
    if found.name:
        lines.append(Line(_("Name"), _("“%(old)s” became “%(new)s”", old=found.name[0], new=found.name[1])))
    if found.description:
        lines.append(Line(_("What it is for"), found.description[1] or _("nothing")))
    if found.zone:
        whose = {"organisation": _("in the zone of the bank"), "contact": _("in the zone of each contact")}
        lines.append(Line(_("Today is counted"), whose[found.zone[1]]))
    lines += [Line(_("Added"), _said(one)) for one in found.added]
    lines += [Line(_("Removed"), _said(one)) for one in found.removed]
    if found.is_regrouped:
        lines.append(Line(_("Conditions"), _("the same, put together in another way")))
    return lines


def _said(condition: Condition) -> str:
    return spoken(condition.words(names()))


@dataclass(frozen=True)
class Part:
    """A part of a definition as a tree of sentences; `holds` and `value` are about one contact, `count` about all."""

    said: str
    kind: str
    kids: tuple["Part", ...] = ()
    holds: bool | None = None
    value: str = ""
    count: int | None = None


def outline(definition: Definition, counts: Mapping[str, int], about: Explanation | None = None) -> Part:
    """The definition as an outline; `counts` by path, and what it says about one contact."""
    verdicts = {one.path: one for one in about.verdicts} if about else {}

    def drawn(node: Any, path: str) -> Part:
        kids = tuple(drawn(part, place) for part, place in children(node, path))
        if isinstance(node, Not):
            return Part(_("Not:"), "not", kids, None if kids[0].holds is None else not kids[0].holds)
        if isinstance(node, AllOf | AnyOf):
            return _group(node, kids, is_about=about is not None)
        verdict = verdicts.get(path)
        said = spoken(node.words(names()))
        if verdict is None:
            return Part(said, "condition", count=counts.get(path))
        value = present(node.shown(verdict.value)) if node.has_value else ""
        return Part(said, "condition", holds=verdict.holds, value=value, count=counts.get(path))

    return drawn(definition.where, "where")


def _group(node: AllOf | AnyOf, kids: tuple[Part, ...], *, is_about: bool) -> Part:
    is_all = isinstance(node, AllOf)
    held = [bool(kid.holds) for kid in kids]
    holds = (all(held) if is_all else any(held)) if is_about else None
    return Part(_("All of these:") if is_all else _("At least one of these:"), "all" if is_all else "any", kids, holds)


def present(value: Any) -> str:
    """What a contact has now, in words."""
    if value is None or value in ("", []):
        return str(_("nothing"))
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, list):
        return ", ".join(str(one) for one in value if one is not None) or str(_("nothing"))
    return saying.spoken(value, _, plain)


def plain(value: Any) -> str:
    """A number or a moment as it is written here."""
    language = current_language()
    if isinstance(value, int | float | Decimal):
        return i18n.number(value, language)
    if isinstance(value, datetime):
        return i18n.moment(value, language, organisation_of(db.session()).timezone)
    return i18n.day(value, language) if isinstance(value, date) else str(value)
