"""Systems outside that flows may call: registered by one person, approved by another, told nothing but the fields named here."""

import re
import secrets
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock, rows
from app.core.actor import Actor, require
from app.core.errors import Conflict, Invalid, Issue, mark
from app.core.page import Ask, Page, fetch
from app.domain.access.keyring import vault_of
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.audit import trail
from app.domain.flows.models import FlowDestination
from app.domain.flows.pinned import DESTINATION
from app.domain.links import used_by
from app.domain.links.models import UsedBy
from app.domain.segments import fields

SUBJECT = DESTINATION
NEEDS = "approvals:decide"
# What a system may be told of a contact: what is no address and no name, and the bank's own properties.
TOLD = ("id", "external_id", "language", "country", "city", "lifecycle_stage", "engagement_score", "tags")
_EVENT = re.compile(r"event\.[a-z0-9_.-]{1,64}")


class DestinationInput(BaseModel):
    """A destination to be registered; `fields` are of the contact, or `event.<property>` of what began the run."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=80)
    url: str = Field(min_length=1, max_length=500)
    fields: tuple[str, ...] = Field(default=("external_id",), max_length=20)


def register(session: Session, new: DestinationInput, *, by: Actor) -> tuple[FlowDestination, str]:
    """Ask for a destination; no flow calls it before a second person has approved it. Also the secret that signs its calls.

    Raises Invalid (an address that cannot be called, a field that is not told, a name that is taken), Forbidden.
    """
    require(by, "flows:write")
    _check(session, new)
    secret = secrets.token_urlsafe(32)
    destination = FlowDestination(
        organisation_id=by.organisation_id,
        name=new.name,
        url=new.url,
        fields=list(dict.fromkeys(new.fields)),
        secret=b"",
        created_by=by.id,
        created_at=clock.now(),
    )
    session.add(destination)
    session.flush()
    destination.secret = vault_of(session).seal(secret.encode(), _bound(destination))
    said = {"name": new.name, "url": new.url, "fields": ", ".join(destination.fields)}
    trail.record(session, by, "destination.created", (SUBJECT, destination.id), after=said)
    change = Change(
        (SUBJECT, destination.id), new.name, "destination.create", NEEDS, after=said, state=_state(destination)
    )
    destination.approval_id = changes.propose(session, change, by=by).id
    session.flush()
    return destination, secret


def carry_out(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> FlowDestination:
    """Decide for a destination. Raises NotFound, Conflict (decided, or archived meanwhile), Forbidden, FactorNeeded."""
    approval = decisions.get(session, approval_id)
    destination = one_for_update(session, approval.subject_id)
    changes.approve(session, approval, state=_state(destination), note=note, by=by)
    destination.approved_at = clock.now()
    return destination


def archive(session: Session, destination_id: UUID, *, by: Actor) -> None:
    """Put a destination away. Raises NotFound, Conflict while a flow uses it."""
    require(by, "flows:write")
    destination = one_for_update(session, destination_id)
    if destination.archived_at:
        raise Conflict(mark("This destination is archived already."))
    used_by.refuse_while_used(session, SUBJECT, destination.id)
    decisions.void(session, (SUBJECT, destination.id))
    destination.archived_at = clock.now()
    destination.name = f"{destination.name} ({clock.now():%Y-%m-%d %H:%M:%S})"  # its name is free again
    trail.record(session, by, "destination.archived", (SUBJECT, destination.id))


def get(session: Session, destination_id: UUID, *, by: Actor) -> FlowDestination:
    """One destination. Raises NotFound."""
    require(by, "flows:read")
    return rows.one(session, FlowDestination, destination_id, _MISSING)


def one_for_update(session: Session, destination_id: UUID) -> FlowDestination:
    """One destination, locked. Raises NotFound."""
    return rows.one_for_update(session, FlowDestination, destination_id, _MISSING)


def listed(session: Session, ask: Ask, *, by: Actor) -> Page[FlowDestination]:
    """A page of the destinations that are not archived, newest first."""
    require(by, "flows:read")
    query = select(FlowDestination).where(FlowDestination.archived_at.is_(None))
    return fetch(session, query, [FlowDestination.__table__.c.id], ask, descending=True)


def users_of(session: Session, destination_id: UUID, *, by: Actor) -> list[UsedBy]:
    """The flows that tell it something."""
    require(by, "flows:read")
    return used_by.users_of(session, SUBJECT, destination_id)


def secret_of(session: Session, destination: FlowDestination) -> str:
    """What signs the calls, in clear, for signing one only."""
    return vault_of(session).open(destination.secret, _bound(destination)).decode()


def offered(session: Session) -> list[str]:
    """The fields of a contact that a destination may be told."""
    own = [name for name in fields.catalogue(session).fields if name.startswith(fields.PROPERTY)]
    return [*TOLD, *own]


_MISSING = mark("There is no such destination.")


def _check(session: Session, new: DestinationInput) -> None:
    address = urlsplit(new.url)
    issues = [
        Issue("fields", mark("The field “%(field)s” is not told to systems."), {"field": name})
        for name in new.fields
        if name not in offered(session) and not _EVENT.fullmatch(name)
    ]
    if address.scheme not in ("https", "http") or not address.hostname or address.username or address.fragment:
        issues.append(Issue("url", mark("Give an address that begins with https://, without a user name in it.")))
    taken = select(FlowDestination.id).where(func.lower(FlowDestination.name) == new.name.lower())
    if session.execute(taken).first():
        issues.append(Issue("name", mark("There is a destination with this name already.")))
    if issues:
        raise Invalid(mark("Some fields are not right."), details=tuple(issues))


def _bound(destination: FlowDestination) -> str:
    return f"flow_destinations|secret|{destination.id}"


def _state(destination: FlowDestination) -> dict[str, object]:
    return {"url": destination.url, "fields": destination.fields, "archived": destination.archived_at is not None}
