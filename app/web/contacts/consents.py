"""The consents of one contact: the present state, its proof, and the form that records another act."""

from typing import Any
from uuid import UUID

from flask import flash, g, make_response, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from app.core.db import db
from app.core.errors import Invalid
from app.domain.access import users
from app.domain.approvals.models import Approval
from app.domain.consent import ledger, reopening
from app.domain.contacts.models import Contact
from app.http import inputs
from app.http.auth import allow
from app.web.approvals import asked
from app.web.contacts import words
from app.web.contacts.blueprint import bp
from app.web.contacts.show import head
from app.web.render import leave_for, page_or_part, parts_or_redirect


class ConsentForm(FlaskForm):  # type: ignore[misc]
    """One act of the person: what, for which channels, and how we know."""

    state = RadioField(_l("What the person said"), [InputRequired()], default="granted")
    channels = SelectMultipleField(_l("Channels"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput())
    basis = StringField(_l("How we know"), [InputRequired(), Length(max=200)])
    wording = StringField(_l("Wording the person agreed to"), [Length(max=500)])


def _form() -> ConsentForm:
    form = ConsentForm(formdata=request.form if request.method == "POST" else None)
    form.state.choices = [
        ("granted", _("Granted: may be written to")),
        ("withdrawn", _("Withdrawn: must not be written to")),
    ]
    form.channels.choices = [(key, _(word)) for key, word in words.CHANNELS.items()]
    return form


@bp.get("/<uuid:contact_id>/consents")
@allow("contacts:read")
def consents(contact_id: UUID) -> ResponseReturnValue:
    """The state by channel and every act that led to it."""
    return page_or_part(
        "contacts/consents.html", "contacts/_consents.html", tab="consents", form=_form(), **_values(contact_id)
    )


@bp.post("/<uuid:contact_id>/consents")
@allow("contacts:write")
def record(contact_id: UUID) -> ResponseReturnValue:
    """Record a grant or a withdrawal."""
    form, values = _form(), _values(contact_id)
    proposed = _recorded(contact_id, form, values["contact"]) if form.validate() else False
    if isinstance(proposed, Approval):
        return leave_for(asked(proposed))
    if proposed:
        flash(_("The consent is recorded."), "success")
        here = url_for(".consents", contact_id=contact_id)
        return parts_or_redirect(here, "contacts/_consents.html", tab="consents", form=_blank(), **_values(contact_id))
    page = page_or_part("contacts/consents.html", "contacts/_consents.html", tab="consents", form=form, **values)
    return make_response(page, 422)


def _blank() -> ConsentForm:
    form = ConsentForm(formdata=None)
    filled = _form()
    form.state.choices, form.channels.choices = filled.state.choices, filled.channels.choices
    return form


def _recorded(contact_id: UUID, form: ConsentForm, contact: Contact) -> bool | Approval:
    """Whether it was recorded; the request it waits for where the person had refused."""
    session, basis, channels = db.session(), form.basis.data.strip(), form.channels.data or []
    try:
        if form.state.data == "granted":
            wording = form.wording.data.strip() or None if form.wording.data else None
            name = contact.external_id or str(contact_id)
            done = reopening.grant(
                session, contact_id, channels, name=name, basis=basis, source="by hand", wording=wording, by=g.actor
            )
            return done if isinstance(done, Approval) else True
        ledger.withdraw(session, contact_id, channels, basis=basis, source="by hand", ip=g.actor.ip)
    except Invalid as error:
        inputs.onto(form, error)
        return False
    return True


def _values(contact_id: UUID) -> dict[str, Any]:
    session = db.session()
    entries = ledger.history(session, contact_id)
    recorders = users.names(session, [entry.recorded_by for entry in entries if entry.recorded_by])
    return {
        **head(contact_id),
        "consents": ledger.states(session, contact_id),
        "entries": entries,
        "recorders": recorders,
    }
