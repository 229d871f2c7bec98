"""Reports: ask for one, see what was made, download it."""

from io import BytesIO
from uuid import UUID

from flask import Blueprint, flash, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired

from app.core.db import db
from app.core.errors import Invalid
from app.core.page import Ask
from app.domain.campaigns import drafts
from app.domain.reports import runs
from app.domain.reports.runs import ReportInput
from app.http import inputs
from app.http.auth import allow
from app.web import paging
from app.web.render import page_or_part

bp = Blueprint("reports", __name__, url_prefix="/reports")


class ReportForm(FlaskForm):  # type: ignore[misc]
    """Which campaign, which language, to whom."""

    campaign_id = SelectField(_l("Campaign"), [DataRequired()])
    language = SelectField(_l("Language"), choices=[("en", "English"), ("he", "עברית")])
    recipients = StringField(_l("Mail it to"))


def _form() -> ReportForm:
    form = ReportForm(campaign_id=request.args.get("campaign"))
    recent = drafts.listed(db.session(), Ask(per_page=200), by=g.actor)
    form.campaign_id.choices = [(str(c.id), c.name) for c in recent.items if c.launched_at]
    return form


@bp.get("")
@allow("reports:read")
def index() -> ResponseReturnValue:
    """The reports that were made; the list polls while one is being made."""
    page = runs.listed(db.session(), paging.asked(), by=g.actor)
    return page_or_part("reports/index.html", "reports/_runs.html", page=page)


@bp.get("/new")
@allow("reports:run")
def new() -> ResponseReturnValue:
    """The form that asks for a report."""
    return render_template("reports/new.html", form=_form())


@bp.post("/new")
@allow("reports:run")
def ask() -> ResponseReturnValue:
    """Ask for a report; a worker makes it and mails it."""
    form = _form()
    if not inputs.validate(form, lambda: _command(form)):
        return render_template("reports/new.html", form=form), 422
    try:
        runs.ask(db.session(), "campaign", _command(form), by=g.actor)
    except Invalid as error:
        inputs.onto(form, error)
        return render_template("reports/new.html", form=form), 422
    flash(_("The report is being made. It appears here in a moment."), "success")
    return redirect(url_for(".index"), 303)


def _command(form: ReportForm) -> ReportInput:
    """The form as the command of the page and the API. Raises Invalid."""
    addresses = [a for a in (form.recipients.data or "").replace(";", ",").split(",") if a.strip()]
    values = {"campaign_id": form.campaign_id.data, "language": form.language.data, "recipients": addresses}
    return inputs.read(ReportInput, values)


@bp.get("/<uuid:run_id>/<any(xlsx, pdf):kind>")
@allow("reports:read")
def download(run_id: UUID, kind: str) -> ResponseReturnValue:
    """A report's file."""
    content, media_type, name = runs.download(db.session(), run_id, kind, by=g.actor)
    return send_file(BytesIO(content), mimetype=media_type, as_attachment=True, download_name=name)
