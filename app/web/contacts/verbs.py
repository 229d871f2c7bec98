"""What one click does to a contact: delete, restore."""

from uuid import UUID

from flask import flash, g, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from app.core.db import db
from app.domain.contacts import profile
from app.http.auth import allow
from app.web.contacts.blueprint import bp
from app.web.render import leave_for


@bp.post("/<uuid:contact_id>/delete")
@allow("contacts:write")
def delete(contact_id: UUID) -> ResponseReturnValue:
    """Delete, with a way back in the toast and for 30 days on the contact's page."""
    profile.delete(db.session(), contact_id, by=g.actor)
    flash(Markup(render_template("contacts/undo.html", contact_id=contact_id)), "success")  # noqa: S704 - a template of ours, escaped by it
    return leave_for(url_for(".index"))


@bp.post("/<uuid:contact_id>/restore")
@allow("contacts:write")
def restore(contact_id: UUID) -> ResponseReturnValue:
    """Bring a deleted contact back."""
    profile.restore(db.session(), contact_id, by=g.actor)
    flash(_("The contact is back."), "success")
    return leave_for(url_for(".show", contact_id=contact_id))
