"""/consents: what people said about being written to, and recording it; the same of one contact under /contacts/{id}/consents."""

from typing import Any, Literal
from uuid import UUID

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from pydantic import Field

from app.api import envelope
from app.api.approvals import request_out
from app.core.db import db
from app.domain.approvals.models import Approval
from app.domain.consent import ledger, reopening
from app.domain.consent.models import ConsentEntry
from app.domain.contacts import profile
from app.http.auth import allow
from app.http.inputs import Strict

bp = Blueprint("consents_api", __name__, url_prefix="/consents")

_CONSENT = ("id", "contact_id", "channels", "purpose", "state", "basis", "source", "wording", "at", "recorded_by")


class ConsentInput(Strict):
    """One act of a person: what he said, for which channels, and how we know."""

    state: Literal["granted", "withdrawn"]
    channels: tuple[Literal["sms", "email"], ...] = ("sms", "email")
    basis: str = Field(min_length=1, max_length=200)
    source: str = Field(default="api", max_length=200)
    wording: str | None = Field(default=None, max_length=500)


class ConsentOf(ConsentInput):
    """The same, with whose act it is."""

    contact: UUID


@bp.get("")
@allow("contacts:read")
@envelope.asks("contact", "state", paged=True)
def index() -> ResponseReturnValue:
    """List acts, newest first; filters `contact` and `state`."""
    contact, state = envelope.query_uuid("contact"), envelope.word("state")
    return envelope.listed(
        ledger.listed(db.session(), envelope.ask(), contact_id=contact, state=state, by=g.actor), serialize
    )


@bp.post("")
@envelope.once("contacts:write")
def create() -> ResponseReturnValue:
    """Record what somebody said. A consent that was withdrawn is given again by the decision of a second person: 202."""
    said = envelope.body(ConsentOf)
    return record(said.contact, said)


def record(contact_id: UUID, act: ConsentInput) -> ResponseReturnValue:
    """Record an act and answer with where the contact stands now."""
    session = db.session()
    contact = profile.get(session, contact_id, by=g.actor)
    if act.state == "granted":
        done = reopening.grant(
            session, contact_id, act.channels,
            name=contact.external_id or str(contact_id), basis=act.basis, source=act.source, wording=act.wording, by=g.actor,
        )  # fmt: skip
        if isinstance(done, Approval):
            return envelope.ok(request_out(done), 202)
    else:
        ledger.withdraw(session, contact_id, act.channels, basis=act.basis, source=act.source, ip=g.actor.ip)
    return of_contact(contact_id, 201)


def of_contact(contact_id: UUID, status: int = 200) -> ResponseReturnValue:
    """Where a contact stands, and the acts that led there."""
    session = db.session()
    profile.get(session, contact_id, by=g.actor, deleted=True)
    acts = [serialize(entry) for entry in ledger.history(session, contact_id)]
    return envelope.ok({"states": ledger.states(session, contact_id), "acts": acts}, status)


def serialize(entry: ConsentEntry) -> dict[str, Any]:
    """An act as the API shows it."""
    return {name: getattr(entry, name) for name in _CONSENT}
