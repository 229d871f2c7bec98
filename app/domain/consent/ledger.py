"""The consent ledger: what a person allowed, when, on what basis. Append-only; the present state follows by a trigger."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.db import among
from app.core.errors import Forbidden, Invalid, mark
from app.core.nouns import Happening
from app.core.page import Ask, Page, fetch
from app.core.unit import actor_of
from app.domain.audit import trail
from app.domain.consent.models import CHANNELS, ConsentEntry, ConsentState
from app.domain.outbox.publish import publish


class ConsentChanged(Happening):
    """Somebody gave his consent or took it back; `subject` is the contact."""

    kind = "consent.changed"
    state: str
    channels: tuple[str, ...]


_STATES = select(ConsentState.contact_id, ConsentState.channel, ConsentState.state).where(
    among(ConsentState.contact_id, "ids"), ConsentState.purpose == "marketing"
)


def grant(  # noqa: PLR0913 - an act and its proof
    session: Session,
    contact_id: UUID,
    channels: Sequence[str],
    *,
    basis: str,
    source: str,
    wording: str | None = None,
    second: UUID | None = None,
    by: Actor,
) -> ConsentEntry:
    """Note that a person allowed marketing on some channels.

    One that was withdrawn takes two people: `second` is who proposed it (reopening.py). Raises Invalid (channel, or no basis),
    Forbidden.
    """
    if second is None:
        require(by, "contacts:write")
    if not by.is_system and second in (None, by.id) and withdrawn(session, contact_id, channels):
        raise Forbidden(mark("This consent was withdrawn: that it is given again takes evidence and a second person."))
    if not basis.strip():
        raise Invalid.field("basis", mark("Say how the person allowed it: a form, a call, a branch visit."))
    entry = _write(session, contact_id, channels, "granted", basis=basis, source=source, wording=wording, ip=by.ip)
    trail.record(
        session, by, "consent.granted", ("contact", contact_id), after={"channels": list(channels), "basis": basis}
    )
    return entry


def withdrawn(session: Session, contact_id: UUID, channels: Sequence[str]) -> bool:
    """True if the person took back the consent to one of these channels."""
    known = states(session, contact_id)
    return any(known.get(channel) == "withdrawn" for channel in channels)


def withdraw(
    session: Session, contact_id: UUID, channels: Sequence[str], *, basis: str, source: str, ip: str | None = None
) -> ConsentEntry:
    """Note that a person took his consent back; it counts from this moment, also for messages already queued."""
    entry = _write(session, contact_id, channels, "withdrawn", basis=basis, source=source, wording=None, ip=ip)
    by = actor_of(session)
    trail.record(
        session, by, "consent.withdrawn", ("contact", contact_id), after={"channels": list(channels), "basis": basis}
    )
    return entry


def _write(
    session: Session, contact_id: UUID, channels: Sequence[str], state: str, **proof: str | None
) -> ConsentEntry:
    """`proof` is basis, source, wording and ip."""
    if not channels or set(channels) - set(CHANNELS):
        raise Invalid.field("channels", mark("Choose SMS, e-mail or both."))
    by = actor_of(session)
    entry = ConsentEntry(
        organisation_id=by.organisation_id,
        contact_id=contact_id,
        channels=list(channels),
        purpose="marketing",
        state=state,
        **{name: value.strip() if value else value for name, value in proof.items()},
        at=clock.now(),
        recorded_by=by.id,
    )
    session.add(entry)
    session.flush()
    publish(session, ConsentChanged(subject=contact_id, state=state, channels=tuple(channels)))
    return entry


def history(session: Session, contact_id: UUID) -> list[ConsentEntry]:
    """All acts of a person, newest first."""
    query = select(ConsentEntry).where(ConsentEntry.contact_id == contact_id).order_by(ConsentEntry.id.desc())
    return list(session.execute(query).scalars())


def listed(
    session: Session, ask: Ask, *, contact_id: UUID | None = None, state: str = "", by: Actor
) -> Page[ConsentEntry]:
    """A page of acts of everybody, newest first."""
    require(by, "contacts:read")
    query = select(ConsentEntry)
    if contact_id:
        query = query.where(ConsentEntry.contact_id == contact_id)
    if state:
        query = query.where(ConsentEntry.state == state)
    return fetch(session, query, [ConsentEntry.__table__.c.id], ask, descending=True)


def states(session: Session, contact_id: UUID) -> dict[str, str]:
    """The present state by channel: granted, withdrawn or unknown."""
    return states_of(session, [contact_id])[contact_id]


def states_of(session: Session, contact_ids: Iterable[UUID]) -> dict[UUID, dict[str, str]]:
    """The present states of the contacts of a page."""
    wanted = list(contact_ids)
    found: dict[UUID, dict[str, str]] = {contact_id: dict.fromkeys(CHANNELS, "unknown") for contact_id in wanted}
    for contact_id, channel, state in session.execute(_STATES, {"ids": wanted}):
        found[contact_id][channel] = state
    return found
