"""What every kind of row is: what it offers, asks for, and how it becomes a condition and is made of one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.core.errors import mark
from app.domain.segments.fields import Catalogue
from app.domain.segments.saying import OPS
from app.domain.segments.spans import Span
from app.web.segments.tree import Rule
from app.web.segments.typed import number

Said = dict[str, list[str]]
Choice = tuple[
    str, str, bool
]  # the first choice of a row: its name, its label, and whether the label is ours to translate


@dataclass(frozen=True)
class Control:
    """How the rest of a row is asked for: the operators to choose from, and the kind of input for its values."""

    ops: tuple[tuple[str, str], ...]
    input: str
    choices: tuple[tuple[str, str], ...] = ()
    translates: bool = True
    value: str = ""  # the kind of input for the value, where `input` is a whole row of its own


class Row(ABC):
    """How the builder asks for one kind of condition. A row is kept as it was typed; the domain decides whether it is right."""

    def offers(self, _known: Catalogue) -> Iterator[tuple[str, list[Choice]]]:
        """The groups of first choices, each with its heading."""
        yield from ()

    @abstractmethod
    def is_begun_by(self, name: str) -> bool:
        """Whether a first choice is one of ours."""

    @abstractmethod
    def control(self, rule: Rule, known: Catalogue) -> Control | None:
        """What the rest of the row asks for; None while that cannot be told."""

    def begun(self, _asked: Control) -> dict[str, str]:
        """What the inputs show before anybody chose."""
        return {}

    def kept(self, values: list[str], _asked: Control) -> list[str]:
        """Of what was typed as the value, what still fits after another choice."""
        return values

    @abstractmethod
    def as_json(self, rule: Rule, known: Catalogue) -> dict[str, Any]:
        """The row in the grammar; what was not chosen is left out, and the domain says so."""

    @abstractmethod
    def said(self, condition: Any) -> Said:
        """The inputs of a condition."""


def ops(*names: str) -> tuple[tuple[str, str], ...]:
    """Operators with their words."""
    return tuple((name, OPS[name]) for name in names)


TIMES = {
    "gte": mark("at least"), "eq": mark("exactly"), "neq": mark("not exactly"), "gt": mark("more than"),
    "lt": mark("fewer than"), "lte": mark("at most"), "between": mark("between"),
}  # fmt: skip


def span_json(rule: Rule) -> dict[str, Any]:
    """The time of a row in the grammar."""
    span = rule.one("span")
    if span == "last":
        return {"within": {"last": number(rule.one("last")), "unit": rule.one("unit", "days")}}
    if span == "dates":
        return {"within": {part: rule.one(part) for part in ("from", "to") if rule.one(part)}}
    return {}


def span_said(span: Span | None) -> Said:
    """The inputs of a time."""
    if span is None:
        return {}
    if span.last is not None:
        return {"span": ["last"], "last": [str(span.last)], "unit": [span.unit]}
    return {"span": ["dates"], "from": [span.first_day or ""], "to": [span.last_day or ""]}
