"""The suppression list in the browser: find, add one or a list, lift with a reason, export."""

from io import BytesIO
from uuid import UUID

from flask import Blueprint, flash, g, make_response, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Length

from app.core import clock
from app.core.db import db
from app.core.errors import Invalid
from app.domain.access import users
from app.domain.approvals.models import Approval
from app.domain.consent import reopening, suppression
from app.domain.consent.models import CHANNELS, SUPPRESSION_REASONS
from app.http import inputs
from app.http.auth import allow
from app.http.sizes import MB, takes
from app.web import paging, sought
from app.web.approvals import asked
from app.web.contacts import words
from app.web.render import leave_for, page_or_part

bp = Blueprint("suppressions", __name__, url_prefix="/suppressions")
BY_HAND = tuple(reason for reason in SUPPRESSION_REASONS if reason != "hard_bounce")
SHOWN_BAD_LINES = 20


class AddressForm(FlaskForm):  # type: ignore[misc]
    """One address that nobody may write to."""

    channel = SelectField(_l("Channel"))
    address = StringField(_l("Phone or e-mail"), [InputRequired(), Length(max=320)])
    reason = SelectField(_l("Reason"))


class ListForm(FlaskForm):  # type: ignore[misc]
    """A file of addresses, one a line."""

    channel = SelectField(_l("Channel"))
    file = FileField(_l("File"), [FileRequired()])
    reason = SelectField(_l("Reason"))


class LiftForm(FlaskForm):  # type: ignore[misc]
    """Why an address may be written to again."""

    reason = StringField(_l("Reason"), [InputRequired(), Length(max=300)])


def _choices(form: FlaskForm) -> FlaskForm:
    form.channel.choices = [(key, _(word)) for key, word in words.CHANNELS.items()]
    form.reason.choices = [(key, _(words.REASONS[key])) for key in BY_HAND]
    return form


@bp.get("")
@allow("suppressions:read")
def index() -> ResponseReturnValue:
    """The standing suppressions, newest first, masked."""
    session, channel = db.session(), request.args.get("channel", "")
    address = sought.words()
    channel = channel if channel in CHANNELS else ""
    page = suppression.listed(session, paging.asked(), by=g.actor, channel=channel, address=address)
    return page_or_part(
        "suppressions/index.html",
        "suppressions/_suppressions.html",
        page=page,
        addresses=suppression.masked(session, page.items),
        people=users.names(session, [row.added_by for row in page.items if row.added_by]),
        words=words,
        address=address,
        is_filtered=bool(channel or address),
    )


@bp.post("/search")
@allow("suppressions:read")
def find() -> ResponseReturnValue:
    """The form above the list."""
    return sought.leads_to(".index", "address", ["channel"])


@bp.get("/new")
@allow("suppressions:write")
def new() -> ResponseReturnValue:
    """The forms for one address and for a list."""
    return _page(_choices(AddressForm()), _choices(ListForm(prefix="list-")))


@bp.post("/new")
@allow("suppressions:write")
def add() -> ResponseReturnValue:
    """Suppress one address."""
    form = _choices(AddressForm())
    if form.validate():
        try:
            suppression.add(
                db.session(), form.address.data, channel=form.channel.data, reason=form.reason.data, by=g.actor
            )
        except Invalid as error:
            inputs.onto(form, error)
        else:
            only_marketing = form.reason.data == suppression.OPT_OUT
            flash(
                _("The address is on the list. It gets no marketing; messages about the account still reach it.")
                if only_marketing
                else _("The address is on the list. Nothing more is sent to it."),
                "success",
            )
            return leave_for(url_for(".index"))
    return _page(form, _choices(ListForm(formdata=None, prefix="list-")), 422)


@bp.post("/list")
@allow("suppressions:write")
@takes(8 * MB)
def add_list() -> ResponseReturnValue:
    """Suppress a list of addresses."""
    form = _choices(ListForm(prefix="list-"))
    if form.validate():
        content, options = form.file.data.read(), {"channel": form.channel.data, "reason": form.reason.data}
        try:
            taken = suppression.add_file(db.session(), content, **options, by=g.actor)
        except Invalid as error:
            inputs.onto(form, error)
        else:
            _say(taken)
            return leave_for(url_for(".index"))
    return _page(_choices(AddressForm(formdata=None)), form, 422)


def _say(taken: suppression.Taken) -> None:
    text = ngettext("%(num)s address was added", "%(num)s addresses were added", taken.added)
    if taken.known:
        text += "; " + ngettext("%(num)s was there already", "%(num)s were there already", taken.known)
    flash(text + ".", "success")
    if taken.bad:
        lines = ", ".join(map(str, taken.bad[:SHOWN_BAD_LINES])) + ("…" if len(taken.bad) > SHOWN_BAD_LINES else "")
        flash(_("These lines hold no valid address and were left out: %(lines)s", lines=lines), "warning")


def _page(form: FlaskForm, upload: FlaskForm, status: int = 200) -> ResponseReturnValue:
    return make_response(render_template("suppressions/new.html", form=form, upload=upload), status)


@bp.get("/<uuid:suppression_id>/lift")
@allow("suppressions:write")
def ask_lift(suppression_id: UUID) -> ResponseReturnValue:
    """Ask why the address should be written to again."""
    return _lift_page(suppression_id, LiftForm())


@bp.post("/<uuid:suppression_id>/lift")
@allow("suppressions:write")
def lift(suppression_id: UUID) -> ResponseReturnValue:
    """Take the address off the list."""
    form = LiftForm()
    if not form.validate():
        return _lift_page(suppression_id, form, 422)
    try:
        lifted = reopening.lift(db.session(), suppression_id, reason=form.reason.data, by=g.actor)
    except Invalid as error:
        inputs.onto(form, error)
        return _lift_page(suppression_id, form, 422)
    if isinstance(lifted, Approval):
        return leave_for(asked(lifted))
    flash(_("The address may be written to again."), "success")
    return leave_for(url_for(".index"))


def _lift_page(suppression_id: UUID, form: FlaskForm, status: int = 200) -> ResponseReturnValue:
    row = suppression.get(db.session(), suppression_id, by=g.actor)
    address = suppression.masked(db.session(), [row])[row.id]
    return make_response(
        render_template("suppressions/lift.html", form=form, row=row, address=address, words=words), status
    )


@bp.post("/export")
@allow("suppressions:write")
def export() -> ResponseReturnValue:
    """The whole list as CSV, in clear; logged."""
    content = suppression.export(db.session(), by=g.actor)
    name = f"suppressions-{clock.now():%Y-%m-%d}.csv"
    return send_file(BytesIO(content), mimetype="text/csv; charset=utf-8", as_attachment=True, download_name=name)
