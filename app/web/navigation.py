"""What the side bar shows: a table of pages, cut to what exists and to what the reader may see."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask, current_app, g, request, url_for

from app.core.actor import Actor
from app.core.errors import mark


@dataclass(frozen=True)
class Entry:
    """One page of the side bar; without a permission everybody who is signed in sees it."""

    label: str
    icon: str
    endpoint: str
    permission: str = ""


@dataclass(frozen=True)
class Group:
    """Pages that belong together, under a heading (the first group has none)."""

    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Shown:
    """An entry as the template draws it."""

    label: str
    icon: str
    url: str
    is_current: bool


NAVIGATION = (
    Group("", (
        Entry(mark("Dashboard"), "layout-dashboard", "dashboard.index"),
        Entry(mark("Approvals"), "clipboard-check", "approvals.index", "approvals:read"),
    )),
    Group(mark("Audience"), (
        Entry(mark("Contacts"), "users", "contacts.index", "contacts:read"),
        Entry(mark("Segments"), "filter", "segments.index", "segments:read"),
        Entry(mark("Imports"), "upload", "transfer.index", "imports:read"),
        Entry(mark("Suppressions"), "ban", "consent.index", "suppressions:read"),
    )),
    Group(mark("Messaging"), (
        Entry(mark("Templates"), "template", "content.index", "templates:read"),
        Entry(mark("Campaigns"), "mail", "campaigns.index", "campaigns:read"),
        Entry(mark("Flows"), "sitemap", "flows.index", "campaigns:read"),
        Entry(mark("Messages"), "messages", "messages.index", "messages:read"),
    )),
    Group(mark("Bank"), (
        Entry(mark("Qualification"), "building-bank", "bank.index", "campaigns:read"),
        Entry(mark("Reports"), "chart-bar", "reports.index", "reports:read"),
        Entry(mark("Billing"), "receipt", "billing.index", "reports:read"),
    )),
    Group(mark("Administration"), (
        Entry(mark("Providers"), "plug-connected", "providers.index", "providers:read"),
        Entry(mark("Audit log"), "history", "audit.index", "audit:read"),
        Entry(mark("Settings"), "settings", "access.index", "users:read"),
    )),
)  # fmt: skip


def init_app(app: Flask) -> None:
    """Give templates `navigation()`, `exists(endpoint)` and `here(**changes)`."""
    app.jinja_env.globals.update(navigation=navigation, exists=exists, here=here)


def navigation() -> list[tuple[str, list[Shown]]]:
    """The groups of the side bar for the reader at hand: (label, entries), empty groups left out."""
    actor: Actor | None = g.get("actor")
    if actor is None:
        return []
    groups = [(group.label, list(_shown(group, actor))) for group in NAVIGATION]
    return [(label, entries) for label, entries in groups if entries]


def _shown(group: Group, actor: Actor) -> Iterator[Shown]:
    for entry in group.entries:
        if exists(entry.endpoint) and (not entry.permission or actor.may(entry.permission)):
            blueprint = entry.endpoint.partition(".")[0]
            yield Shown(entry.label, entry.icon, url_for(entry.endpoint), request.blueprint == blueprint)


def exists(endpoint: str) -> bool:
    """True if the application has this page."""
    return endpoint in current_app.view_functions


def here(**changes: object) -> str:
    """The address of this very page with some query values changed; None takes one away, a list repeats one."""
    values: dict[str, object] = {name: given for name, given in request.args.lists() if not name.startswith("_")}
    values.update(changes)
    return url_for(request.endpoint or "static", **{**(request.view_args or {}), **values})  # type: ignore[arg-type]
