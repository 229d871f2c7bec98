"""One contact: overview with masked personal data, what is revealed, history."""

from typing import Any
from uuid import UUID

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.db import db
from app.core.errors import Conflict
from app.domain.consent import ledger, restrictions, suppression
from app.domain.contacts import groups, profile, properties, recipients
from app.domain.contacts.models import Contact
from app.domain.contacts.person import Person
from app.domain.events import visitors
from app.domain.timeline import history as timeline
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web import audit_labels, paging
from app.web.approvals import asked
from app.web.contacts import words
from app.web.contacts.blueprint import bp
from app.web.flows.words import KINDS
from app.web.render import page_or_part
from app.web.segments import shown as segments


@bp.get("/<uuid:contact_id>")
@allow("contacts:read")
def show(contact_id: UUID) -> ResponseReturnValue:
    """The overview; a deleted contact can be looked at and restored for 30 days."""
    values = head(contact_id)
    return render_template(
        "contacts/show.html", tab="overview", **values, **overview(values["contact"], values["person"])
    )


@bp.post("/<uuid:contact_id>/reveal")
@allow("contacts:reveal")
def reveal(contact_id: UUID) -> ResponseReturnValue:
    """The personal data in clear, for this one answer; the look is logged."""
    values = head(contact_id)
    values["person"] = profile.reveal(db.session(), contact_id, by=g.actor)
    values["told_by_pages"] = visitors.of_contact(db.session(), contact_id, by=g.actor)
    values |= {"is_revealed": True, **overview(values["contact"], values["person"])}
    return page_or_part("contacts/show.html", "contacts/_person.html", tab="overview", **values)


@bp.post("/<uuid:contact_id>/test/<int:on>")
@allow("settings:write")
def set_test(contact_id: UUID, on: int) -> ResponseReturnValue:
    """Ask for tests of texts to go to this contact, or send it no more."""
    try:
        version = inputs.version(request.form.get("version"))
        if on:
            proposed = recipients.propose(db.session(), contact_id, version=version, by=g.actor)
            return redirect(asked(proposed) if proposed else url_for(".show", contact_id=contact_id), 303)
        recipients.take_off(db.session(), contact_id, version=version, by=g.actor)
    except Conflict as error:
        flash(said(error), "danger")
    else:
        flash(_("Tests do not go to this contact any more."), "success")
    return redirect(url_for(".show", contact_id=contact_id), 303)


@bp.get("/<uuid:contact_id>/history")
@allow("contacts:read")
def history(contact_id: UUID) -> ResponseReturnValue:
    """Everything that happened with the contact; `kind` shows one kind of it."""
    kind = request.args.get("kind", "")
    page = timeline.listed(db.session(), contact_id, paging.asked(), kind=kind, by=g.actor)
    kinds = [(one, _(timeline.KINDS[one][0])) for one in timeline.may_see(g.actor)]
    drawn = {"kind": kind, "kinds": kinds, "act_said": audit_labels.said, "steps": KINDS, "spoken": segments.spoken}
    return page_or_part(
        "contacts/history.html", "contacts/_history.html", tab="history", page=page, **drawn, **head(contact_id)
    )


def head(contact_id: UUID) -> dict[str, Any]:
    """What the head of every tab needs."""
    contact = profile.get(db.session(), contact_id, by=g.actor, deleted=True)
    person = profile.masked(profile.person_of(db.session(), contact))
    return {"contact": contact, "person": person, "words": words, "is_revealed": False, "refused": _refused(contact_id)}


def _refused(contact_id: UUID) -> list[str]:
    """The channels on which this person is not written to: consent taken back, or the address on the list."""
    session = db.session()
    withdrawn = {channel for channel, state in ledger.states(session, contact_id).items() if state == "withdrawn"}
    stopped = withdrawn | {row.channel for row in suppression.of_contact(session, contact_id)}
    return [channel for channel in words.CHANNELS if channel in stopped]


def overview(contact: Contact, person: Person) -> dict[str, Any]:
    """What the overview needs beside its head."""
    session = db.session()
    return {
        "definitions": properties.listed(session),
        "values": {**contact.properties, **person.properties},
        "groups": groups.of(session, [contact.id])[contact.id],
        "consents": ledger.states(session, contact.id),
        "suppressed": suppression.of_contact(session, contact.id),
        "restrictions": restrictions.of_contacts(session, [contact.id], by=g.actor)[contact.id],
        "restriction": restrictions,
    }
