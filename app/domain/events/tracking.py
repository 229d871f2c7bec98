"""Events come in: one or a thousand, from a page, a system or the product itself, in one statement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic_core import to_json
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.errors import Conflict, DomainError, Invalid, NotFound, mark
from app.core.sql import load
from app.core.text import clean
from app.core.unit import actor_of
from app.domain.access.keyring import vault_of
from app.domain.contacts import identifiers
from app.domain.contacts.identifiers import Ambiguous
from app.domain.events import interest
from app.domain.events.said import EventInput

_SQL = load("events/queries.sql")
MOST = 1000
FRESH = timedelta(days=1)  # what is older starts no flow any more
Row = dict[str, Any]


class Erased(Conflict):
    """The person was erased: nothing is kept of him any more."""

    code = "ERASED"


@dataclass(frozen=True)
class Refused:
    """An event that was not kept, by its place in the call, and why."""

    index: int
    why: DomainError


@dataclass(frozen=True)
class Taken:
    """What became of a call: how many different events of it are kept, how many of these had been before, and what is not."""

    accepted: int
    repeated: int = 0
    refused: tuple[Refused, ...] = ()


def track(session: Session, said: Sequence[EventInput | DomainError], *, by: Actor) -> Taken:
    """Keep events that a page or a system tells of; what could not even be read comes as its error, and keeps its place.

    A secret key names contacts. It makes none: an event of somebody unknown is refused, or kept as the visitor's whose
    anonymous id stands beside the name; /identify is where contacts are made.

    A public key is in everybody's hands, so what it says is not verified, whoever it names: such an event stands at the contact
    as what a page said, changes nothing else of him, and starts only flows that ask for no more. Whom a page names wrongly
    (nobody, several, somebody who was erased) is a visitor who said so: the answer tells nobody who is known here. The events of
    a visitor are his contact's from when the bank's own server has said who he is.

    Raises Invalid (nothing, or more than a thousand), Forbidden.
    """
    require(by, "events:track")
    if not 0 < len(said) <= MOST:
        raise Invalid.field("events", mark("Send 1 to 1,000 events at once."))
    return record(session, said, source="web" if by.kind == "public" else "api")


def record(session: Session, said: Sequence[EventInput | DomainError], *, source: str = "product") -> Taken:
    """Keep events for whoever may already: those of the product itself, for example.

    One id twice counts once. With other content than before it is refused.
    """
    refused, rows = list[Refused](), dict[int, Row]()
    for n, one in enumerate(said):
        try:
            rows[n] = _row(session, n, one, source)
        except DomainError as error:
            refused.append(Refused(n, error))
    left = _keep(session, rows, source) if rows else {}
    before = _digests(session, [rows[n]["key"] for n, why in left.items() if why is None])
    new, again = {row["key"] for n, row in rows.items() if n not in left}, set[str]()
    for n, why in left.items():
        key = rows[n]["key"]
        if why is not None:
            refused.append(Refused(n, _NOBODY[why]()))
        elif before.get(key) != rows[n]["digest"]:
            refused.append(
                Refused(n, Conflict(mark("Another event was told under this id. Give every event its own.")))
            )
        elif key not in new:
            again.add(key)
    kept = len(rows) - len(left) + len(again)
    return Taken(kept, len(again), tuple(sorted(refused, key=lambda one: one.index)))


def visitor_blind(session: Session, anonymous_id: str) -> bytes:
    """What a visitor is found by: his anonymous id itself is not kept."""
    return vault_of(session).blind("visitor", anonymous_id)


_NOBODY: dict[str, Callable[[], DomainError]] = {
    "unknown": lambda: NotFound(mark("There is no such contact.")),
    "ambiguous": lambda: Ambiguous(identifiers.SHARED),
    "erased": lambda: Erased(mark("This person was erased: nothing is kept of him any more.")),
}


def _row(session: Session, n: int, one: EventInput | DomainError, source: str) -> Row:
    """An event as the statement takes it. Raises what is wrong with it."""
    if isinstance(one, DomainError):
        raise one
    whose = one.contact
    named = whose.named
    visitor = whose.anonymous_id
    if source == "web" and named:
        visitor = visitor or f"said {named[0]} {named[1]}"
    at = (one.occurred_at or clock.now()).astimezone(UTC)
    return {
        "n": n, **_name(session, named), "visitor": visitor_blind(session, visitor).hex() if visitor else None,
        "name": one.event, "properties": one.properties, "occurred_at": at.isoformat(),
        # by source, so that nobody who has a page's key takes the ids of the bank's own events
        "key": f"{source}:{one.id}" if one.id else None, "digest": one.digest.hex() if one.id else None,
    }  # fmt: skip


def _name(session: Session, named: tuple[str, str] | None) -> dict[str, str]:
    """How the statement finds a contact."""
    if named is None:
        return {}
    kind, value = named
    if kind in ("id", "external_id"):
        return {"contact" if kind == "id" else kind: clean(value)}
    normal = identifiers.normal_address(session, kind, value)
    if normal is None:
        raise Invalid.field(f"contact.{kind}", mark("This is not a valid address."))
    return {"kind": kind, "blind": vault_of(session).blind(kind, normal).hex()}


def _keep(session: Session, rows: Mapping[int, Row], source: str) -> dict[int, str | None]:
    """Keep what can be kept, and ring for who waits for it; what was not kept, and why if not for its key."""
    now = clock.now()
    make_room(session, now, {row["occurred_at"][:7] for row in rows.values()})
    values = {
        "batch": to_json(list(rows.values())).decode(), "source": source,
        "organisation": actor_of(session).organisation_id, "is_verified": source != "web", "now": now, "fresh": now - FRESH,
    }  # fmt: skip
    told = session.execute(_SQL["record"], values).all()
    interest.ring(session, [row.consumer for row in told if row.consumer])
    return {row.n: row.why for row in told if not row.consumer}


def make_room(session: Session, now: datetime, months: set[str]) -> None:
    """Make the partitions of older months, where there are none; upkeep has made those of this month and the last."""
    made = {now.strftime("%Y-%m"), (now.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")}
    for month in sorted(months - made):
        session.execute(select(func.ensure_events(date.fromisoformat(f"{month}-01"))))


def _digests(session: Session, keys: list[str]) -> dict[str, str]:
    """What was said first under keys that are taken; asked after the statement that met them, so that it sees who was faster."""
    if not keys:
        return {}
    found = session.execute(_SQL["digests"], {"keys": keys})
    return {row.key: row.digest for row in found}
