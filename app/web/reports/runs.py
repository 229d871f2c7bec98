"""Reports: ask for one, see what was made, download it."""

from io import BytesIO
from uuid import UUID

from flask import flash, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired

from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.core.page import Ask
from app.domain.bank import cohorts, programmes, qualification
from app.domain.campaigns import drafts
from app.domain.reports import runs
from app.domain.reports.catalogue import CATALOGUE
from app.domain.reports.runs import ReportInput
from app.domain.reports.words import FILE
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web import paging
from app.web.render import page_or_part
from app.web.reports.blueprint import bp


@bp.app_template_global()
def file_label(kind: str) -> str:
    """What a file of a report is called."""
    return str(_(FILE[kind]))


@bp.app_template_filter()
def file_word(kind: str) -> str:
    """The same in a list of several."""
    return file_label(kind)


class MonthForm(FlaskForm):  # type: ignore[misc]
    """In which language, to whom."""

    language = SelectField(_l("Language"), choices=[("en", "English"), ("he", "עברית")])
    recipients = StringField(_l("Mail it to"))

    def addresses(self) -> list[str]:
        """The addresses that were typed."""
        return [one for one in (self.recipients.data or "").replace(";", ",").split(",") if one.strip()]


class ReportForm(MonthForm):
    """Also of which campaign."""

    campaign_id = SelectField(_l("Campaign"), [DataRequired()])


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
    values = {"page": page, "files": runs.files(db.session(), page.items, by=g.actor), "catalogue": CATALOGUE}
    return page_or_part("reports/index.html", "reports/_runs.html", **values)


@bp.get("/<uuid:run_id>")
@allow("reports:read")
def show(run_id: UUID) -> ResponseReturnValue:
    """One report: its files with their checksums, who asked for it, who has it."""
    run = runs.get(db.session(), run_id, by=g.actor)
    files = runs.files(db.session(), [run], by=g.actor)[run.id]
    values = {"run": run, "kind": CATALOGUE[run.name], "files": files}
    return page_or_part("reports/show.html", "reports/_report.html", **values)


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
    except (Invalid, Conflict) as error:
        inputs.onto(form, error)
        return render_template("reports/new.html", form=form), 422
    flash(_("The report is being made. It appears here in a moment."), "success")
    return redirect(url_for(".index"), 303)


def _command(form: ReportForm) -> ReportInput:
    """The form as the command of the page and the API. Raises Invalid."""
    values = {"campaign_id": form.campaign_id.data, "language": form.language.data, "recipients": form.addresses()}
    return inputs.read(ReportInput, values)


@bp.get("/months/<uuid:subject_id>")
@allow("bank:read")
def month(subject_id: UUID) -> ResponseReturnValue:
    """The reports of a month, and the form that asks for one."""
    return _month(subject_id, MonthForm())


@bp.post("/months/<uuid:subject_id>")
@allow("reports:run")
def ask_month(subject_id: UUID) -> ResponseReturnValue:
    """Ask for the report of a month."""
    form = MonthForm()
    values = {"run": subject_id, "language": form.language.data, "recipients": form.addresses()}
    if not inputs.validate(form, lambda: inputs.read(ReportInput, values)):
        return _month(subject_id, form), 422
    try:
        made = runs.ask(db.session(), "bank_month", inputs.read(ReportInput, values), by=g.actor)
    except (Invalid, Conflict) as error:
        inputs.onto(form, error)
        return _month(subject_id, form), 422
    return redirect(url_for(".show", run_id=made.id), 303)


@bp.post("/months/<uuid:subject_id>/pack")
@allow("audit:read")
def ask_pack(subject_id: UUID) -> ResponseReturnValue:
    """Ask for the pack of a month for auditors."""
    try:
        made = runs.ask(db.session(), "bank_pack", ReportInput(run=subject_id), by=g.actor)
    except Conflict as error:
        flash(said(error), "danger")
        return redirect(url_for(".month", subject_id=subject_id), 303)
    return redirect(url_for(".show", run_id=made.id), 303)


def _month(subject_id: UUID, form: MonthForm) -> str:
    session = db.session()
    run = qualification.get(session, subject_id, by=g.actor)
    page = runs.listed(session, paging.asked(), by=g.actor, subject_id=subject_id)
    values = {"page": page, "files": runs.files(session, page.items, by=g.actor), "catalogue": CATALOGUE}
    programme = programmes.get(session, run.programme_id, by=g.actor)
    return page_or_part("reports/month.html", "reports/_runs.html", form=form, run=run, programme=programme, **values)


@bp.get("/months/<uuid:subject_id>/cohorts")
@allow("bank:read")
def cohorts_of_month(subject_id: UUID) -> ResponseReturnValue:
    """Who came, stayed and went, and for how many months running; worked out when it is looked at."""
    session, run = db.session(), qualification.get(db.session(), subject_id, by=g.actor)
    programme, found = programmes.get(session, run.programme_id, by=g.actor), cohorts.of_run(session, run, by=g.actor)
    values = {"run": run, "programme": programme, "cohorts": found}
    return page_or_part("reports/cohorts.html", "reports/_cohorts.html", **values)


@bp.get("/<uuid:run_id>/<any(xlsx, pdf, zip, py):kind>")
@allow("reports:read")
def download(run_id: UUID, kind: str) -> ResponseReturnValue:
    """A report's file."""
    content, media_type, name = runs.download(db.session(), run_id, kind, by=g.actor)
    return send_file(BytesIO(content), mimetype=media_type, as_attachment=True, download_name=name)
