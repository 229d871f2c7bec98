"""What a noun brings to the rest of the house: it says so itself, in its declaration.py, and app/domain/nouns.py gathers them.

Whoever needs something of every noun (the side bar, the sweeper, the audit log) reads it here, so that a new noun is added by
its own files alone. Doors are named and not imported: a worker opens no pages.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from app.core.queue import Job

ACCOUNT = "account"  # the group of the menu of whoever is signed in
Item = TypeVar("Item")
News = TypeVar("News", bound="Happening")


class Happening(BaseModel):
    """Something that happened to `subject`, told upward by the outbox. Every kind is a class; its fields are the payload."""

    model_config = ConfigDict(frozen=True)
    kind: ClassVar[str]
    subject: UUID


@dataclass(frozen=True, eq=False)
class Consumer(Generic[News]):
    """Who hears of a kind of happening, by a name that is kept with the row.

    `once_for_all`: its work is the same whatever happened, so one telling serves all that are due. `seconds` is the longest it
    may take.
    """

    name: str
    kind: type[News]
    tell: Callable[[Session, News], object]
    once_for_all: bool = False
    seconds: int = 60


@dataclass(frozen=True, eq=False)
class Waiting:
    """Work that lies in rows: `ask` says if there is any for the job, or for which ids it is wanted one by one."""

    job: Job
    ask: Callable[[Session], bool | Sequence[UUID]]


@dataclass(frozen=True, eq=False)
class Subject:
    """A kind of thing that acts are done to: what it is called, its page (endpoint, name of the id there), and its own name."""

    label: str
    page: tuple[str, str] = ("", "")
    name: tuple[ColumnElement[Any] | Any, ColumnElement[Any] | Any] | None = None  # columns: id, name
    permission: str = ""  # without it the name is not told


@dataclass(frozen=True, eq=False)
class Permission:
    """What it allows, in words, and which roles hold it. `by_name`: a key holds it only if it was granted to it by name."""

    label: str
    roles: Sequence[str]
    by_name: bool = False


@dataclass(frozen=True, eq=False)
class MenuEntry:
    """A page of the side bar: `place` orders it in its group; without a permission everybody who is signed in sees it."""

    group: str
    place: int
    label: str
    icon: str
    endpoint: str
    permission: str = ""


@dataclass(frozen=True, eq=False)
class Filtered:
    """A list whose filters are kept by a name: who may see it, and by which names and values its address narrows it."""

    permission: str
    values: Mapping[str, Sequence[str]]


@dataclass(frozen=True, eq=False)
class Noun:
    """Everything a noun brings. `sweeps` run every few seconds and `upkeep` every hour, again while they return a number."""

    name: str
    models: ModuleType | None = None
    pages: Sequence[str] = ()  # modules of app/web, each with its blueprint `bp`
    calls: Sequence[str] = ()  # of app/api
    menu: Sequence[MenuEntry] = ()
    permissions: Mapping[str, Permission] = field(default_factory=dict)
    acts: Mapping[str, str] = field(default_factory=dict)  # the words of what the audit trail records
    subjects: Mapping[str, Subject] = field(default_factory=dict)
    lists: Mapping[str, Filtered] = field(default_factory=dict)
    decides: Mapping[str, Callable[..., object]] = field(
        default_factory=dict
    )  # what a granted request of a kind leads to
    jobs: Sequence[Job] = ()
    kinds: Sequence[type[Happening]] = ()
    hears: Sequence[Consumer[Any]] = ()
    waits: Sequence[Waiting] = ()
    sweeps: Sequence[Callable[[Session], object]] = ()
    upkeep: Sequence[Callable[[Session], int | None]] = ()


_declared: dict[str, Noun] = {}


def declare(*nouns: Noun) -> None:
    """Take nouns into the house; one that is declared again replaces what it was."""
    _declared.update({noun.name: noun for noun in nouns})


def withdraw(noun: Noun) -> None:
    """Take a noun out of the house."""
    del _declared[noun.name]


def declared() -> tuple[Noun, ...]:
    """Every noun, in the order of the ladder from below."""
    if not _declared:
        raise RuntimeError("No noun has been declared: import app.domain.nouns first.")
    return tuple(_declared.values())


def every(pick: Callable[[Noun], Iterable[Item]]) -> list[Item]:
    """What all nouns have of something, in their order."""
    return [item for noun in declared() for item in pick(noun)]


def named(pick: Callable[[Noun], Mapping[str, Item]]) -> Mapping[str, Item]:
    """What all nouns have of something by name. `pick` is a function of a module, so that it is worked out once."""
    return _named(declared(), pick)


@cache
def _named(nouns: tuple[Noun, ...], pick: Callable[[Noun], Mapping[str, Item]]) -> Mapping[str, Item]:
    return {name: item for noun in nouns for name, item in pick(noun).items()}


@cache
def consumers(nouns: tuple[Noun, ...]) -> Mapping[str, Sequence[Consumer[Any]]]:
    """Who hears of each kind of happening."""
    found: dict[str, list[Consumer[Any]]] = {}
    for noun in nouns:
        for consumer in noun.hears:
            found.setdefault(consumer.kind.kind, []).append(consumer)
    return found
