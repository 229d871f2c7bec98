"""What the side bar shows: the pages that the nouns declare, cut to what exists and to what the reader may see."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from flask import Flask, current_app, g, request, url_for
from flask_babel import gettext

from app.core import nouns
from app.core.actor import Actor
from app.core.errors import mark
from app.core.nouns import ACCOUNT, MenuEntry, Noun
from app.domain.access.permissions import LABELS
from app.domain.access.sessions import IDLE


@dataclass(frozen=True)
class Account:
    """Who is signed in, as the user menu draws it; `seconds` until an idle session ends."""

    name: str
    role: str
    initials: str
    seconds: int
    links: list["Shown"]


@dataclass(frozen=True)
class Shown:
    """An entry as the template draws it."""

    label: str
    icon: str
    url: str
    is_current: bool


GROUPS = ("", mark("Audience"), mark("Messaging"), mark("Bank"), mark("Administration"))


def init_app(app: Flask) -> None:
    """Give templates `navigation()`, `account()`, `environment()`, `exists(endpoint)` and `here(**changes)`."""
    for function in (navigation, account, environment, exists, here):
        app.jinja_env.globals[function.__name__] = function


def navigation() -> list[tuple[str, list[Shown]]]:
    """The groups of the side bar for the reader at hand: (label, entries), empty groups left out."""
    actor: Actor | None = g.get("actor")
    if actor is None:
        return []
    groups = [(group, list(_shown(group, actor))) for group in GROUPS]
    return [(label, entries) for label, entries in groups if entries]


def pages(words: str) -> list[Shown]:
    """The pages whose name has these words in it, in the reader's language or in English."""
    actor: Actor | None = g.get("actor")
    entries = [entry for group in (*GROUPS, ACCOUNT) for entry in _shown(group, actor)] if actor else []
    return [
        entry for entry in entries if any(words.lower() in name.lower() for name in (entry.label, gettext(entry.label)))
    ]


def account() -> Account | None:
    """The person who is signed in, or None."""
    actor: Actor | None = g.get("actor")
    if actor is None or actor.kind != "user":
        return None
    words = actor.name.split() or ["?"]
    initials = "".join(word[0] for word in (words[0], words[-1])[: len(words)]).upper()
    role = gettext(LABELS[actor.role]) if actor.role in LABELS else actor.role
    return Account(actor.name, role, initials, int(IDLE.total_seconds()), list(_shown(ACCOUNT, actor)))


def environment() -> str:
    """production, demo or test: whatever is not production says so on every page."""
    settings = current_app.config.get("SETTINGS")
    return settings.environment if settings else "production"


def _shown(group: str, actor: Actor) -> Iterator[Shown]:
    for entry in _entries(nouns.declared()).get(group, ()):
        if exists(entry.endpoint) and (not entry.permission or actor.may(entry.permission)):
            blueprint = entry.endpoint.partition(".")[0]
            is_same_room = request.blueprint == blueprint and blueprint != "account"
            is_current = is_same_room or entry.endpoint == request.endpoint
            yield Shown(entry.label, entry.icon, _address(entry.endpoint), is_current)


@cache
def _entries(declared: tuple[Noun, ...]) -> Mapping[str, Sequence[MenuEntry]]:
    """The entries of each group in their order."""
    found: dict[str, list[MenuEntry]] = {}
    for entry in sorted((one for noun in declared for one in noun.menu), key=lambda one: one.place):
        found.setdefault(entry.group, []).append(entry)
    return found


@cache
def _address(endpoint: str) -> str:
    """The address of a page of the side bar: the same for everybody and for ever, and asked with every page."""
    return url_for(endpoint)


def exists(endpoint: str) -> bool:
    """True if the application has this page."""
    return endpoint in current_app.view_functions


def here(**changes: object) -> str:
    """The address of this very page with some query values changed; None takes one away, a list repeats one."""
    values: dict[str, object] = {name: given for name, given in request.args.lists() if not name.startswith("_")}
    values.update(changes)
    return url_for(request.endpoint or "static", **{**(request.view_args or {}), **values})
