"""Sentences as message ids and values, put into a language at the door; and what names the ids in them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.core.errors import mark
from app.domain.segments.fields import Catalogue, Field

SPANS = {
    "hours": mark("%(number)s hours"), "days": mark("%(number)s days"), "weeks": mark("%(number)s weeks"),
    "months": mark("%(number)s months"), "years": mark("%(number)s years"),
}  # fmt: skip
CHANNELS = {"sms": mark("SMS"), "email": mark("e-mail")}


@dataclass(frozen=True)
class Said:
    """A message id with its values; a value may be another Said, which is translated first."""

    message: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Listed:
    """Several things said one after the other."""

    parts: tuple[Any, ...]
    between: str = ", "


@dataclass(frozen=True)
class Names:
    """What ids in a definition are called."""

    known: Catalogue
    segments: Mapping[UUID, str] = field(default_factory=dict)
    campaigns: Mapping[UUID, str] = field(default_factory=dict)


def spoken(thing: Any, translate: Callable[[str], str], name: Callable[[str], str] = str) -> str:
    """A sentence in the language of `translate`; `name` dresses what is not of that language: names and values."""
    if isinstance(thing, Said):
        text = translate(thing.message)
        return (
            text % {key: spoken(value, translate, name) for key, value in thing.values.items()}
            if thing.values
            else text
        )
    if isinstance(thing, Listed):
        return translate(thing.between).join(spoken(part, translate, name) for part in thing.parts)
    return name(str(thing))


def label(info: Field | None, name: str) -> Any:
    """A field's name for people: a message id, or the bank's own word."""
    if info is None:
        return name
    return info.label if info.is_custom else Said(info.label)
