"""Lists of contacts: by address, external id, tag, group, status, or whatever select the door hands in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, false, func, select, union
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.db import live
from app.core.page import Ask, Page, fetch
from app.core.text import clean
from app.core.unit import actor_of
from app.domain.contacts.identifiers import with_address
from app.domain.contacts.models import Contact, Group, GroupMember
from app.domain.contacts.names import with_words

_TAGS_KEPT = timedelta(seconds=30)
_tags: dict[UUID, tuple[datetime, list[str]]] = {}


@dataclass(frozen=True)
class Filter:
    """Which contacts. `q` is a whole e-mail or phone, the beginning of an external id, or those of names; `within` selects ids."""

    q: str = ""
    email: str = ""
    phone: str = ""
    external_id: str = ""
    tag: str = ""
    group: str = ""
    status: str = ""
    updated_since: datetime | None = None
    within: Select[Any] | None = None
    deleted: bool = False
    is_test: bool = False


def listed(session: Session, wanted: Filter, ask: Ask, *, by: Actor) -> Page[Any]:
    """A page of contacts as plain rows, the newest first: to be read, not to be changed.

    A list of many pages is counted by `count`, which nobody has to wait for.
    """
    require(by, "contacts:read")
    query = _narrowed(session, wanted).with_only_columns(*live(Contact).c)
    return fetch(session, query, [live(Contact).c.id], ask, descending=True)


def count(session: Session, wanted: Filter, *, by: Actor) -> int:
    """How many contacts a list has, however long that takes: 0.2 s for a million."""
    require(by, "contacts:read")
    return int(session.execute(select(func.count()).select_from(_narrowed(session, wanted).subquery())).scalar_one())


def tags(session: Session) -> list[str]:
    """Up to a hundred tags that are in use, by name; at most half a minute old.

    Asked with every list, and found by going over the contacts: 0.3 s for a million.
    """
    whose, now = actor_of(session).organisation_id, clock.now()
    kept_at, kept = _tags.get(whose, (None, []))
    if kept_at is not None and kept_at <= now < kept_at + _TAGS_KEPT:
        return kept
    contacts = live(Contact).c
    some = select(func.unnest(contacts.tags).label("tag")).where(contacts.tags != []).limit(200_000).subquery()
    found = list(session.execute(select(some.c.tag).distinct().order_by(some.c.tag).limit(100)).scalars())
    _tags[whose] = now, found
    return found


def _narrowed(session: Session, wanted: Filter) -> Select[Any]:
    contacts = live(Contact).c
    query = select(contacts.id).where(
        contacts.deleted_at.is_not(None) if wanted.deleted else contacts.deleted_at.is_(None)
    )
    for name in ("external_id", "status"):
        if value := clean(getattr(wanted, name)):
            query = query.where(contacts[name] == value)
    if wanted.is_test:
        query = query.where(contacts.is_test)
    if tag := clean(wanted.tag):
        query = query.where(contacts.tags.contains([tag]))
    if wanted.updated_since:
        query = query.where(contacts.updated_at >= wanted.updated_since)
    for ids in _sets(session, wanted):
        query = query.where(false() if ids is None else contacts.id.in_(ids))
    return query


def _sets(session: Session, wanted: Filter) -> Iterator[Any]:
    """Selects of ids that all have to hold; None holds nobody."""
    for kind in ("email", "phone"):
        if value := getattr(wanted, kind):
            yield with_address(session, kind, value)
    if wanted.group:
        members, found = live(GroupMember).c, live(Group).c
        yield (
            select(members.contact_id).join(live(Group), found.id == members.group_id).where(found.name == wanted.group)
        )
    if wanted.within is not None:
        yield wanted.within
    if text := clean(wanted.q):
        yield _matching(session, text)


def _matching(session: Session, text: str) -> Any:
    """A union, not an OR: each of its arms has an index."""
    contacts = live(Contact).c
    others = (*(with_address(session, kind, text) for kind in ("email", "phone")), with_words(session, text))
    return union(
        select(contacts.id).where(contacts.external_id.startswith(text, autoescape=True)),
        *(ids for ids in others if ids is not None),
    )
