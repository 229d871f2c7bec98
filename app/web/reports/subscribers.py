"""Who gets the report of a programme's months: ask for it, see who does, leave it."""

from uuid import UUID

from flask import flash, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, SelectMultipleField, StringField
from wtforms.widgets import CheckboxInput, ListWidget

from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.domain.bank import programmes
from app.domain.reports import subscribers
from app.domain.reports.subscribers import SubscriberInput
from app.http import inputs
from app.http.auth import allow
from app.web import paging
from app.web.approvals import asked
from app.web.locale import current_language
from app.web.render import leave_for, page_or_part
from app.web.reports.blueprint import bp

LANGUAGES = [("en", "English"), ("he", "עברית")]


class SubscriberForm(FlaskForm):  # type: ignore[misc]
    """Who is to get it, and how."""

    address = StringField(_l("E-mail"))
    language = SelectField(_l("Language"), choices=LANGUAGES)
    formats = SelectMultipleField(
        _l("Files"), choices=[("xlsx", _l("Excel")), ("pdf", _l("PDF"))], widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )  # fmt: skip


@bp.get("/subscribers/<uuid:programme_id>")
@allow("bank:read")
def subscriber_list(programme_id: UUID) -> ResponseReturnValue:
    """Who gets the report of a programme's months, and the form that asks for it."""
    return _page(programme_id, SubscriberForm(language=current_language(), formats=["xlsx", "pdf"]))


@bp.post("/subscribers/<uuid:programme_id>")
@allow("bank:read")
def subscribe(programme_id: UUID) -> ResponseReturnValue:
    """Ask a second person to let somebody get it."""
    form = SubscriberForm()
    if inputs.validate(form, lambda: _command(form)):
        try:
            return leave_for(asked(subscribers.ask(db.session(), programme_id, _command(form), by=g.actor)))
        except (Invalid, Conflict) as error:
            inputs.onto(form, error)
    return _page(programme_id, form), 422


@bp.post("/subscribers/<uuid:programme_id>/<uuid:subscriber_id>/leave")
@allow("bank:read")
def leave_report(programme_id: UUID, subscriber_id: UUID) -> ResponseReturnValue:
    """Leave it, or take somebody off."""
    row = subscribers.leave(db.session(), subscriber_id, by=g.actor)
    flash(_("%(address)s gets no more of this report.", address=row.address), "success")
    return redirect(url_for(".subscriber_list", programme_id=programme_id), 303)


def _command(form: SubscriberForm) -> SubscriberInput:
    """The form as the command of the page and the API. Raises Invalid."""
    values = {"address": form.address.data or "", "language": form.language.data, "formats": form.formats.data}
    return inputs.read(SubscriberInput, values)


def _page(programme_id: UUID, form: SubscriberForm) -> str:
    session = db.session()
    programme = programmes.get(session, programme_id, by=g.actor)
    page = subscribers.listed(session, programme_id, paging.asked(), by=g.actor)
    may_leave = {row.id for row in page.items if subscribers.may_leave(session, row, by=g.actor)}
    return page_or_part(
        "reports/subscribers.html", "reports/_subscribers.html", programme=programme, page=page, form=form,
        own=subscribers.own(session, programme_id, by=g.actor), may_leave=may_leave, languages=dict(LANGUAGES),
    )  # fmt: skip
