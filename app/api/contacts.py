"""/contacts: people, their consents, and the import of a file."""

import json
from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from app.api import envelope
from app.api.jobs import import_out
from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.audit import trail
from app.domain.consent import ledger
from app.domain.contacts import profile, search
from app.domain.contacts.models import Contact
from app.domain.contacts.person import masked, person_of
from app.domain.contacts.profile import ContactInput
from app.domain.segments import membership
from app.domain.transfer import imports
from app.domain.transfer.mapping import ImportOptions
from app.http import inputs
from app.http.auth import allow
from app.http.inputs import Strict

bp = Blueprint("contacts_api", __name__, url_prefix="/contacts")
_MOMENT: TypeAdapter[AwareDatetime] = TypeAdapter(AwareDatetime)
_PLAIN = (
    "id", "external_id", "language", "gender", "timezone", "country", "city", "postal_code", "lifecycle_stage", "status",
    "engagement_score", "tags", "created_at", "updated_at",
)  # fmt: skip


class ConsentInput(Strict):
    """A grant or a withdrawal."""

    state: str = Field(pattern="^(granted|withdrawn)$")
    channels: tuple[str, ...] = Field(min_length=1, max_length=2)
    basis: str = Field(min_length=1, max_length=200)
    wording: str | None = Field(default=None, max_length=200)


def shown(contact: Contact) -> dict[str, Any]:
    """A contact as the API shows it: personal data in clear only to those who may reveal it."""
    person = person_of(db.session(), contact)
    if not g.actor.may("contacts:reveal"):
        person = masked(person)
    return {name: getattr(contact, name) for name in _PLAIN} | {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.emails[0] if person.emails else None,
        "phone": person.phones[0] if person.phones else None,
        "properties": {**contact.properties, **person.properties},
    }


def _one(contact: Contact, status: int = 200) -> ResponseReturnValue:
    location = f"/api/v1/contacts/{contact.id}" if status == 201 else None
    return envelope.ok(shown(contact), status, location=location, version=contact.version)


@bp.get("")
@allow("contacts:read")
def index() -> ResponseReturnValue:
    """List contacts; filters of spec: email, phone, external_id, tag, status, segment, q, updated_since."""
    given = {name: request.args.get(name, "") for name in ("q", "email", "phone", "external_id", "tag", "status")}
    segment = envelope.query_uuid("segment")
    within = membership.audience(db.session(), [segment], []) if segment else None
    wanted = search.Filter(**given, within=within, updated_since=_since())  # type: ignore[arg-type]
    page = search.listed(db.session(), wanted, envelope.ask(), by=g.actor)
    if g.actor.may("contacts:reveal") and page.items:
        trail.record(
            db.session(),
            g.actor,
            "contacts.read",
            ("organisation", g.actor.organisation_id),
            after={"people": len(page.items)},
        )
    return envelope.listed(page, shown)


def _since() -> Any:
    value = request.args.get("updated_since")
    if not value:
        return None
    try:
        return _MOMENT.validate_python(value)
    except ValidationError:
        raise Invalid.field("updated_since", mark("This is not a date and time.")) from None


@bp.post("")
@envelope.once("contacts:write")
def create() -> ResponseReturnValue:
    """Make a contact."""
    return _one(profile.create(db.session(), envelope.body(ContactInput), by=g.actor), 201)


@bp.get("/<uuid:contact_id>")
@allow("contacts:read")
def show(contact_id: UUID) -> ResponseReturnValue:
    """One contact."""
    contact = profile.get(db.session(), contact_id, by=g.actor)
    if g.actor.may("contacts:reveal"):
        trail.record(db.session(), g.actor, "contact.revealed", ("contact", contact.id))
    return _one(contact)


@bp.patch("/<uuid:contact_id>")
@allow("contacts:write")
def change(contact_id: UUID) -> ResponseReturnValue:
    """Change what the body names."""
    contact = profile.get(db.session(), contact_id, by=g.actor)
    new = envelope.patched(ContactInput, profile.input_of(db.session(), contact).model_dump())
    return _one(profile.update(db.session(), contact_id, new, version=envelope.version_asked(), by=g.actor))


@bp.put("/<uuid:contact_id>")
@allow("contacts:write")
def replace(contact_id: UUID) -> ResponseReturnValue:
    """Replace everything; what the body does not name is emptied."""
    new = envelope.body(ContactInput)
    return _one(profile.update(db.session(), contact_id, new, version=envelope.version_asked(), by=g.actor))


@bp.delete("/<uuid:contact_id>")
@allow("contacts:write")
def delete(contact_id: UUID) -> ResponseReturnValue:
    """Delete; it can be restored for 30 days."""
    profile.delete(db.session(), contact_id, by=g.actor)
    return envelope.nothing()


@bp.post("/<uuid:contact_id>/restore")
@envelope.once("contacts:write")
def restore(contact_id: UUID) -> ResponseReturnValue:
    """Bring a deleted contact back."""
    return _one(profile.restore(db.session(), contact_id, by=g.actor))


@bp.get("/<uuid:contact_id>/consents")
@allow("contacts:read")
def consents(contact_id: UUID) -> ResponseReturnValue:
    """The present state by channel, and every act behind it."""
    profile.get(db.session(), contact_id, by=g.actor)
    names = ("channels", "purpose", "state", "basis", "source", "wording", "at")
    entries = [{name: getattr(e, name) for name in names} for e in ledger.history(db.session(), contact_id)]
    return envelope.ok({"states": ledger.states(db.session(), contact_id), "history": entries})


@bp.post("/<uuid:contact_id>/consents")
@envelope.once("contacts:write")
def consent(contact_id: UUID) -> ResponseReturnValue:
    """Note a grant or a withdrawal."""
    new = envelope.body(ConsentInput)
    profile.get(db.session(), contact_id, by=g.actor)
    if new.state == "granted":
        ledger.grant(
            db.session(), contact_id, new.channels, basis=new.basis, source="api", wording=new.wording, by=g.actor
        )
    else:
        ledger.withdraw(db.session(), contact_id, new.channels, basis=new.basis, source="api", ip=g.actor.ip)
    return envelope.ok(ledger.states(db.session(), contact_id), 201)


@bp.get("/<uuid:contact_id>/history")
@allow("contacts:read")
def history(contact_id: UUID) -> ResponseReturnValue:
    """Who did what with this contact."""
    profile.get(db.session(), contact_id, by=g.actor, deleted=True)
    page = trail.entries(db.session(), envelope.ask(), by=g.actor, subject=("contact", str(contact_id)))
    names = ("at", "actor_name", "action", "before", "after")
    return envelope.listed(page, lambda entry: {name: getattr(entry, name) for name in names})


@bp.post("/import")
@envelope.once("imports:write")
def start_import() -> ResponseReturnValue:
    """Import a file: a form with `file` and `options` (JSON). Without a mapping the columns are guessed."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid.field("file", mark("Send the file as multipart/form-data in the field “file”."))
    try:
        given = json.loads(request.form.get("options") or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Invalid.field("options", mark("The options are not a JSON object."))
    row = imports.upload(db.session(), file.filename, file.stream, by=g.actor)
    options = inputs.read(ImportOptions, {**imports.suggested(row).model_dump(), **given})
    started = imports.start(db.session(), row.id, options, by=g.actor)
    return envelope.ok(import_out(started), 202, location=f"/api/v1/jobs/{started.id}")
