"""One person's whole history, the newest first: one definition for the page and the API."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TIMESTAMP, CompoundSelect, Text, select, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PgUuid
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Invalid, mark
from app.core.page import Ask, Page, fetch, narrowed
from app.core.sql import load
from app.domain.contacts import profile
from app.domain.flows import log
from app.domain.segments.saying import Said

_SQL = load("timeline/queries.sql")
_COLUMNS: dict[str, Any] = {
    "at": TIMESTAMP(timezone=True), "key": Text(collation="C"), "kind": Text(), "action": Text(), "about": PgUuid(as_uuid=True),
    "data": JSONB(),
}  # fmt: skip
# The kinds of lines, and what one needs beside the contact itself.
KINDS = {
    "event": (mark("Events"), "events:read"),
    "message": (mark("Messages"), "messages:read"),
    "consent": (mark("Consents"), "contacts:read"),
    "import": (mark("Imports"), "contacts:read"),
    "flow": (mark("Flows"), "flows:read"),
    "change": (mark("Changes"), "contacts:read"),
}


@dataclass(frozen=True)
class Line:
    """Something that happened: `about` is the event, message or flow, `data` what is known of it, by the kind.

    Of a step in a flow `said` is the whole story: which way he went there, and why.
    """

    at: datetime
    key: str
    kind: str
    action: str
    about: UUID | None
    data: dict[str, Any]
    said: Said | None = None


def may_see(by: Actor) -> list[str]:
    """The kinds of lines an actor may see."""
    return [kind for kind, (_, permission) in KINDS.items() if by.may(permission)]


def listed(session: Session, contact_id: UUID, ask: Ask, *, kind: str = "", by: Actor) -> Page[Line]:
    """A page of what happened with a contact, of one kind when asked; what the actor may not see is left out.

    Raises NotFound, Invalid (an unknown kind), Forbidden.
    """
    profile.get(session, contact_id, by=by, deleted=True)
    if kind and kind not in KINDS:
        raise Invalid.field("kind", mark("Choose one of the values offered."))
    wanted = [one for one in may_see(by) if kind in ("", one)]
    if not wanted:
        return Page([], total=0, per_page=ask.per_page)
    lines = _lines(wanted, contact_id, ask).subquery()
    page = fetch(session, select(lines), [lines.c.at, lines.c.key], ask, descending=True)
    told = _told(session, [row for row in page.items if row.kind == "flow"], by=by)
    found = [replace(Line(*row[: len(_COLUMNS)]), said=told.get(row.key)) for row in page.items]
    return Page(found, page.next, page.prev, page.total, page.per_page)


def _told(session: Session, steps: Sequence[Any], *, by: Actor) -> dict[str, Said]:
    """What happened at steps of flows, by the key of the line."""
    if not steps:
        return {}
    ids = {int(row.key.removeprefix("flow ")): row.key for row in steps}
    moments = [row.at for row in steps]
    found = log.some(session, list(ids), (min(moments), max(moments)), by=by)
    return {ids[i]: line.said for i, line in found.items()}


def _lines(kinds: Sequence[str], contact_id: UUID, ask: Ask) -> CompoundSelect[Any]:
    """The lines of some kinds of a contact, of each as many as can be on the page."""
    parts = [_SQL[kind].bindparams(contact=contact_id).columns(**_COLUMNS).subquery() for kind in kinds]
    return union_all(*(narrowed(select(part), [part.c.at, part.c.key], ask, descending=True) for part in parts))
