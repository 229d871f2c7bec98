"""Rendering for customers: what is fixed is laid out once per version and process, a recipient costs only what differs."""

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.arguments import PositionalArgument
from liquid.builtin.expressions.primitive import StringLiteral
from liquid.builtin.output import OutputNode
from liquid.exceptions import LiquidError
from liquid.stringify import to_liquid_string
from markupsafe import escape

from app.core.errors import mark
from app.domain.content import sms
from app.domain.content.budget import Budget, OverBudget, Template
from app.domain.content.models import TemplateVersion
from app.domain.content.reading import variables
from app.domain.content.sandbox import TemplateError, error_of, parse

__all__ = ["Email", "LinkMaker", "Prepared", "TemplateError", "Text", "parse", "prepared"]

LinkMaker = Callable[[str, int], str]

# Compiled texts carry \x02c3\x03 where tracked link 3 goes, \x02o0\x03 for the open pixel. While they are rendered the marks
# also carry a word that nobody outside this process knows: what a customer's name says can never be taken for one.
_WORD = secrets.token_hex(6)
_MARK = re.compile("\x02([co])(\\d+)\x03")
_KEPT = re.compile(f"\x02{_WORD}([co])(\\d+)\x03")
_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
_OWN_NAMES = frozenset({"now", "today"})  # Liquid's own; the checks refuse them
_OF_A_VALUE = frozenset({"size", "first", "last"})
LONGEST_SMS = 10_000  # signs; a phone shows far fewer
_EMPTY_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")

Slot = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail for one recipient."""

    subject: str
    html: str
    text: str


class Text:
    """One compiled text.

    Most texts print variables and nothing else: those are a list of fixed pieces and slots, joined (10 times as fast as
    Liquid's own rendering, and the same by test). Any other is rendered by Liquid.
    """

    def __init__(self, source: str, *, language: str = "en", html: bool = False) -> None:
        made = parse(_MARK.sub(f"\x02{_WORD}\\1\\2\x03", source), language=language, html=html)
        self._made: Template | None = None
        self._pieces: list[str] = []
        self._slots: list[tuple[int, Slot]] = []
        self._links: list[tuple[int, str, int]] = []
        if all(_is_plain(node) for node in made.nodes):
            self._lay_out(made, html=html)
        else:
            self._made = made

    def _lay_out(self, made: Template, *, html: bool) -> None:
        for node in made.nodes:
            if isinstance(node, OutputNode):
                assert isinstance(node.expression, FilteredExpression)
                self._slots.append((len(self._pieces), _slot(node.expression, html=html)))
                self._pieces.append("")
                continue
            assert isinstance(node, ContentNode)
            fixed, *rest = _KEPT.split(node.text)
            self._pieces.append(fixed)
            for kind, number, after in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
                self._links.append((len(self._pieces), kind, int(number)))
                self._pieces += ["", after]

    @property
    def is_flat(self) -> bool:
        """True if the text has neither tags nor filters other than `default`."""
        return self._made is None

    def render(self, data: Mapping[str, Any], link: LinkMaker | None = None, budget: Budget | None = None) -> str:
        """The text for one recipient; `link(kind, number)` makes the address of a mark.

        Raises TemplateError, also when it takes more than is left of the budget (one of its own if none is given).
        """
        budget = budget or Budget()
        if self._made is not None:
            return self._rendered(self._made, data, link, budget)
        out = self._pieces.copy()
        try:
            for place, slot in self._slots:
                out[place] = slot(data)
            budget.write(sum(map(len, out)))
        except OverBudget as broke:
            raise error_of(broke) from None
        except _BROKEN as broke:
            raise _unknown(broke) from None
        if link is not None:
            for place, kind, number in self._links:
                out[place] = link(kind, number)
        return "".join(out)

    @staticmethod
    def _rendered(made: Template, data: Mapping[str, Any], link: LinkMaker | None, budget: Budget) -> str:
        try:
            said = made.rendered(dict(data), budget)
        except LiquidError as broke:
            raise error_of(broke) from None
        except _BROKEN as broke:
            raise _unknown(broke) from None
        return _KEPT.sub(lambda found: link(found.group(1), int(found.group(2))) if link else "", said)


def with_links(compiled: Mapping[str, Any]) -> str:
    """The plain part of a compiled e-mail before it is rendered, with its links as they were written."""
    links = compiled["links"]
    return _MARK.sub(lambda found: str(links[int(found[2])]) if found[1] == "c" else "", str(compiled["text"]))


def _unknown(broke: BaseException) -> TemplateError:
    return TemplateError(mark("The text cannot be rendered: %(reason)s."), reason=type(broke).__name__)


def _is_plain(node: object) -> bool:
    if isinstance(node, ContentNode):
        return True
    if not isinstance(node, OutputNode) or not isinstance(node.expression, FilteredExpression):
        return False
    path, filters = node.expression.left, node.expression.filters or []
    if not isinstance(path, Path) or not all(isinstance(part, str) for part in path.path):
        return False
    if path.path[0] in _OWN_NAMES or not _OF_A_VALUE.isdisjoint(path.path):
        return False
    return not filters or (len(filters) == 1 and _default_of(filters[0]) is not None)


def _default_of(filter_: Any) -> str | None:
    """The literal a `default` filter gives, or None if the filter is another or gives anything else."""
    if filter_.name != "default" or len(filter_.args) != 1 or not isinstance(filter_.args[0], PositionalArgument):
        return None
    given = filter_.args[0].value
    return str(given.value) if isinstance(given, StringLiteral) else None


def _slot(expression: FilteredExpression, *, html: bool) -> Slot:
    """A function that finds a path in the data and writes it as Liquid would."""
    assert isinstance(expression.left, Path)
    first, *rest = [str(part) for part in expression.left.path]
    otherwise = _default_of(expression.filters[0]) if expression.filters else None
    fallback = "" if otherwise is None else otherwise

    def slot(data: Mapping[str, Any]) -> str:
        try:
            value = data[first]
            for part in rest:
                value = value[part]
        except (KeyError, TypeError, IndexError):
            return fallback
        if type(value) is str:
            return (escape(value) if html else value) if value else fallback
        if otherwise is not None and (value is None or value is False or value in ([], {})):
            return fallback
        return to_liquid_string(_stated(value), html)

    return slot


def _stated(value: Any) -> Any:
    """The value itself, or what an address that is only signed when asked for says."""
    return value.__liquid__() if hasattr(value, "__liquid__") else value


class Prepared:
    """A version's texts, compiled; made once a process."""

    def __init__(self, version: TemplateVersion, channel: str) -> None:
        self.fallback = version.fallback_language
        read = {
            name for said in version.texts.values() for part in said.values() for name in variables(str(part or ""))
        }
        self.reads_fields = frozenset(name[8:] for name in read if name.startswith("contact.") and name.count(".") == 1)
        self.reads_properties = frozenset(name[19:] for name in read if name.startswith("contact.properties."))
        self.reads_values = frozenset(name[7:] for name in read if name.startswith("values."))
        self._sms: dict[str, Text] = {}
        self._emails: dict[str, tuple[Text, Text, Text]] = {}
        for language, said in version.texts.items():
            body = str(said.get("body", ""))
            if not body.strip():
                continue
            if channel == "sms":
                self._sms[language] = Text(body, language=language)
                continue
            made = version.compiled[language]
            self._emails[language] = (
                Text(str(said.get("subject", "")), language=language),
                Text(made["html"], language=language, html=True),
                Text(made["text"], language=language),
            )

    def language_for(self, contact_language: str | None) -> str:
        """The language this contact gets: his own if there is a text in it, else the fallback."""
        known = self._sms or self._emails
        if contact_language in known:
            return contact_language  # type: ignore[return-value]
        short = (contact_language or "").replace("_", "-").partition("-")[0].lower()
        return short if short in known else self.fallback

    def sms(self, language: str, data: Mapping[str, Any]) -> str:
        """The SMS for one recipient; `unsubscribe_url` is a value in the data. Raises TemplateError."""
        return self._sms[language].render(self._plain(data), budget=Budget(LONGEST_SMS)).strip()

    def _plain(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The data with the values that the texts read as an SMS takes them; nearly always they are so already."""
        contact = data["contact"]
        own = contact["properties"]
        fields = self._changed(contact, self.reads_fields)
        properties = self._changed(own, self.reads_properties)
        values = self._changed(data["values"], self.reads_values) if self.reads_values else {}
        if not (fields or properties or values):
            return data
        plain = {"contact": {**contact, **fields, "properties": {**own, **properties}}}
        return {**data, **plain, "values": {**data["values"], **values}} if values else {**data, **plain}

    @staticmethod
    def _changed(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        found = ((name, values[name], sms.plain(values[name])) for name in names if name in values)
        return {name: plain for name, value, plain in found if plain != value}

    def email(self, language: str, data: Mapping[str, Any], link: LinkMaker) -> Email:
        """The e-mail for one recipient, its links and pixel made by `link(kind, number)`. Raises TemplateError."""
        subject, html, text = self._emails[language]
        everything = {**data, "unsubscribe_url": link("u", 0)}
        made: dict[tuple[str, int], str] = {}

        def once(kind: str, number: int) -> str:
            address = made.get((kind, number))
            if address is None:
                address = made[kind, number] = link(kind, number)
            return address

        budget = Budget()
        plain = text.render(everything, once, budget)
        return Email(
            subject=" ".join(subject.render(everything, budget=budget).split()),
            html=html.render(everything, once, budget),
            text=plain if text.is_flat else _EMPTY_LINES.sub("\n\n", plain),
        )


class _Version:
    """A version as a cache key: versions never change, so the id is enough."""

    __slots__ = ("id", "version")

    def __init__(self, version: TemplateVersion) -> None:
        self.id: UUID = version.id
        self.version = version

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Version) and self.id == other.id


@lru_cache(maxsize=64)
def _kept(version: _Version, channel: str) -> Prepared:
    return Prepared(version.version, channel)


def prepared(version: TemplateVersion, channel: str) -> Prepared:
    """The version's compiled texts, from the process's cache. Raises TemplateError."""
    return _kept(_Version(version), channel)
