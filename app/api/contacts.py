"""/contacts: people with their consents and history, and files of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from app.api import consents, envelope, jobs
from app.api.approvals import request_out
from app.api.consents import ConsentInput
from app.core import i18n
from app.core.db import db
from app.core.errors import DomainError, Invalid, mark
from app.domain.consent import restrictions
from app.domain.consent.models import ContactRestriction
from app.domain.contacts import groups, profile, recipients, search
from app.domain.contacts.models import Contact
from app.domain.contacts.profile import ContactInput, Person
from app.domain.contacts.search import Filter
from app.domain.segments import membership
from app.domain.segments.saying import spoken
from app.domain.timeline import history as timeline
from app.domain.timeline.history import Line
from app.domain.transfer import imports
from app.domain.transfer.mapping import ImportOptions
from app.domain.transfer.models import Import
from app.http import inputs
from app.http.auth import allow
from app.http.sizes import FILE, takes

bp = Blueprint("contacts_api", __name__, url_prefix="/contacts")

_CLEAR = (
    "id", "external_id", "status", "language", "gender", "timezone", "country", "city", "postal_code", "lifecycle_stage",
    "engagement_score", "tags", "version", "created_at", "updated_at", "deleted_at",
)  # fmt: skip


def _out(
    contact: Contact, person: Person, names: list[str], flags: Sequence[ContactRestriction] = ()
) -> dict[str, Any]:
    """A contact as the API shows it; the person is in clear or masked as the caller may see it."""
    return {
        **{name: getattr(contact, name) for name in _CLEAR},
        "email": person.emails[0] if person.emails else None,
        "phone": person.phones[0] if person.phones else None,
        "emails": person.emails,
        "phones": person.phones,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "properties": {**contact.properties, **person.properties},
        "groups": names,
        "restrictions": [
            {
                "flag": one.flag,
                "since": one.since.isoformat() if one.since else None,
                "blocks": restrictions.BLOCKS[one.flag],
            }
            for one in flags
        ],
        "masked": not g.actor.may("contacts:reveal"),
    }


def _one(contact: Contact, status: int = 200) -> ResponseReturnValue:
    session = db.session()
    if g.actor.may("contacts:reveal"):
        person = profile.reveal(session, contact.id, by=g.actor)
    else:
        person = profile.masked(profile.person_of(session, contact))
    names = groups.of(session, [contact.id])[contact.id]
    location = f"/api/v1/contacts/{contact.id}" if status == 201 else None
    flags = restrictions.of_contacts(session, [contact.id], by=g.actor)[contact.id]
    return envelope.ok(_out(contact, person, names, flags), status, location=location, version=contact.version)


@bp.get("")
@allow("contacts:read")
@envelope.asks(
    "q", "email", "phone", "external_id", "tag", "group", "status", "segment", "updated_since", "deleted", paged=True
)
def index() -> ResponseReturnValue:
    """List contacts; `email`, `phone`, `external_id`, `tag`, `group`, `status`, `segment`, `q`, `updated_since`, `deleted`."""
    session = db.session()
    page = search.listed(session, _wanted(), envelope.ask(), by=g.actor)
    if g.actor.may("contacts:reveal"):
        people = profile.revealed_all(session, page.items, by=g.actor)
    else:
        people = profile.masked_all(session, page.items)
    names, flags = groups.of(session, people), restrictions.of_contacts(session, list(people), by=g.actor)
    return envelope.listed(
        page, lambda contact: _out(contact, people[contact.id], names[contact.id], flags[contact.id])
    )


def _wanted() -> Filter:
    given, segment = request.args, envelope.query_uuid("segment")
    exact: dict[str, Any] = {
        name: given.get(name, "") for name in ("q", "email", "phone", "external_id", "tag", "group", "status")
    }
    return Filter(
        **exact,
        updated_since=envelope.moment("updated_since"),
        within=membership.audience(db.session(), [segment], []) if segment else None,
        deleted=given.get("deleted") == "true",
    )


@bp.post("")
@envelope.once("contacts:write")
def create() -> ResponseReturnValue:
    """Add a contact."""
    return _one(profile.create(db.session(), envelope.body(ContactInput), by=g.actor), 201)


@bp.get("/<uuid:contact_id>")
@allow("contacts:read")
def show(contact_id: UUID) -> ResponseReturnValue:
    """One contact."""
    return _one(profile.get(db.session(), contact_id, by=g.actor))


@bp.patch("/<uuid:contact_id>")
@allow("contacts:write")
def change(contact_id: UUID) -> ResponseReturnValue:
    """Change what the body names."""
    session = db.session()
    # Locked before it is read: of two changes at once neither loses what the other names.
    present = profile.input_of(session, profile.one_for_update(session, contact_id)).model_dump()
    new = envelope.patched(ContactInput, present)
    return _one(profile.update(session, contact_id, new, version=envelope.version_asked(), by=g.actor))


@bp.put("/<uuid:contact_id>")
@allow("contacts:write")
def put(contact_id: UUID) -> ResponseReturnValue:
    """Make a contact exactly what the body says."""
    new = envelope.body(ContactInput)
    return _one(profile.update(db.session(), contact_id, new, version=envelope.version_asked(), by=g.actor))


@bp.delete("/<uuid:contact_id>")
@allow("contacts:write")
def delete(contact_id: UUID) -> ResponseReturnValue:
    """Delete a contact; it can be restored for 30 days."""
    profile.delete(db.session(), contact_id, by=g.actor)
    return envelope.nothing()


@bp.post("/<uuid:contact_id>/restore")
@envelope.once("contacts:write")
def restore(contact_id: UUID) -> ResponseReturnValue:
    """Bring a deleted contact back."""
    return _one(profile.restore(db.session(), contact_id, by=g.actor))


@bp.get("/<uuid:contact_id>/consents")
@allow("contacts:read")
def consents_of(contact_id: UUID) -> ResponseReturnValue:
    """Where the person stands, and every act that led there."""
    return consents.of_contact(contact_id)


@bp.post("/<uuid:contact_id>/consents")
@envelope.once("contacts:write")
def record(contact_id: UUID) -> ResponseReturnValue:
    """Record what the person said."""
    return consents.record(contact_id, envelope.body(ConsentInput))


@bp.put("/<uuid:contact_id>/test")
@allow("settings:write")
def ask_tests(contact_id: UUID) -> ResponseReturnValue:
    """Ask for tests of texts to go to this contact: 202 with the request that a second person decides, 200 if they do already."""
    proposed = recipients.propose(db.session(), contact_id, version=envelope.version_asked(), by=g.actor)
    return envelope.ok(request_out(proposed), 202) if proposed else envelope.ok({"is_test": True})


@bp.delete("/<uuid:contact_id>/test")
@allow("settings:write")
def end_tests(contact_id: UUID) -> ResponseReturnValue:
    """Send it no more tests."""
    recipients.take_off(db.session(), contact_id, version=envelope.version_asked(), by=g.actor)
    return envelope.nothing()


@bp.get("/<uuid:contact_id>/history")
@allow("contacts:read")
@envelope.asks("kind", paged=True)
def history(contact_id: UUID) -> ResponseReturnValue:
    """List everything that happened with the contact, the newest first; `kind`: event, message, consent, import, flow, change."""
    page = timeline.listed(db.session(), contact_id, envelope.ask(), kind=envelope.word("kind"), by=g.actor)
    return envelope.listed(page, _line)


def _line(line: Line) -> dict[str, Any]:
    why = {"why": spoken(line.said, i18n.translator(g.actor.locale).gettext)} if line.said else {}
    return {"at": line.at, "kind": line.kind, "action": line.action, "about": line.about, **line.data, **why}


@bp.post("/import")
@envelope.once("imports:write")
@takes(FILE)
def import_file() -> ResponseReturnValue:
    """Import a file: a form with `file` and `options` (JSON); what the options leave out, the delimiter too, is guessed."""
    session, sent = db.session(), request.files.get("file")
    if sent is None:
        raise Invalid.field("file", mark("Send the file as “file” of a multipart form."))
    given = _options(request.form.get("options", ""))
    delimiter = str(given.pop("delimiter", None) or "")
    row = imports.upload(session, sent.filename or "", sent.stream, delimiter=delimiter, by=g.actor)
    try:
        imports.start(session, row.id, _wanted_of(row, given), by=g.actor)
    except DomainError:
        imports.discard(session, row)
        raise
    return envelope.ok(jobs.serialize(row), 202, location=f"/api/v1/jobs/{row.id}")


def _wanted_of(row: Import, given: dict[str, Any]) -> ImportOptions:
    mapped = inputs.read(ImportOptions, {"mapping": given["mapping"]}).mapping if "mapping" in given else None
    guessed = imports.suggested(row, mapped).model_dump()
    return inputs.read(ImportOptions, {**guessed, **given, "types": {**guessed["types"], **(given.get("types") or {})}})


def _options(text: str) -> dict[str, Any]:
    given = inputs.json_object(text or "{}")
    if given is None or not isinstance(given.get("types") or {}, dict):
        raise Invalid.field("options", mark("The options are not a JSON object."))
    return given
