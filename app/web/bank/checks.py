"""What an officer does to a run under review: ticks of the sample, overrides with their evidence."""

from io import BytesIO
from uuid import UUID

from flask import flash, g, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import RadioField, TextAreaField
from wtforms.validators import InputRequired

from app.core.db import db
from app.core.errors import Conflict, Invalid, NotFound, mark
from app.domain.bank import outcomes, overrides, programmes, qualification, sample
from app.domain.bank.models import OUTCOMES
from app.domain.bank.overrides import LARGEST, OverrideInput
from app.http import inputs
from app.http.auth import allow
from app.http.sizes import MB, takes
from app.web.badges import label
from app.web.bank.blueprint import bp, stays
from app.web.render import leave_for, parts_or_redirect

FOUND = {"right": True, "wrong": False, "": None}


class OverrideForm(FlaskForm):  # type: ignore[misc]
    """Another outcome, why, and a file that shows it."""

    outcome = RadioField(_l("Outcome"), [InputRequired()])
    reason = TextAreaField(_l("Reason"), [InputRequired()])
    evidence = FileField(_l("Evidence"))

    def file(self) -> tuple[str, bytes] | None:
        """The name and bytes of the file, if one was chosen."""
        if not self.evidence.data:
            return None
        return self.evidence.data.filename or "", self.evidence.data.read(LARGEST + 1)


@bp.post("/runs/<uuid:run_id>/sample/<uuid:contact_id>")
@allow("bank:write")
@stays
def check(run_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Tick a customer of the sample."""
    session, said = db.session(), request.form.get("found", "")
    sample.check(session, run_id, contact_id, is_right=FOUND.get(said), by=g.actor)
    run = qualification.get(session, run_id, by=g.actor)
    drawn = sample.of_run(session, run_id, by=g.actor)
    values = {"run": run, "sample": drawn, "verbs": frozenset({"check"})}
    return parts_or_redirect(url_for(".show", run_id=run_id) + "#sample", "bank/_sample.html", **values)


@bp.get("/runs/<uuid:run_id>/customers/<uuid:contact_id>/override")
@allow("bank:write")
def override(run_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """The form."""
    return _page(run_id, contact_id, OverrideForm(formdata=None))


@bp.post("/runs/<uuid:run_id>/customers/<uuid:contact_id>/override")
@allow("bank:write")
@takes(LARGEST + MB)
def put_override(run_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Put another outcome in the place of the calculated one."""
    form = _form(OverrideForm())

    def command() -> OverrideInput:
        return inputs.read(OverrideInput, {"outcome": form.outcome.data, "reason": form.reason.data})

    if inputs.validate(form, command):
        try:
            overrides.override(db.session(), run_id, contact_id, command(), evidence=form.file(), by=g.actor)
        except (Invalid, Conflict) as error:
            inputs.onto(form, error)
        else:
            flash(_("Overridden. A second person sees it with your reason."), "success")
            return leave_for(url_for(".show", run_id=run_id, which="overridden"))
    return _page(run_id, contact_id, form, 422)


@bp.post("/runs/<uuid:run_id>/customers/<uuid:contact_id>/override/withdraw")
@allow("bank:write")
@stays
def withdraw_override(run_id: UUID, contact_id: UUID) -> ResponseReturnValue:
    """Let the calculated outcome stand again."""
    overrides.withdraw(db.session(), run_id, contact_id, by=g.actor)
    flash(_("The calculated outcome stands again."), "success")
    return redirect(url_for(".show", run_id=run_id), 303)


@bp.get("/overrides/<uuid:override_id>/evidence")
@allow("bank:read")
def evidence(override_id: UUID) -> ResponseReturnValue:
    """The file that shows why, to be kept and not to be opened here."""
    name, content = overrides.evidence(db.session(), override_id, by=g.actor)
    return send_file(BytesIO(content), "application/octet-stream", as_attachment=True, download_name=name)


def _form(form: OverrideForm) -> OverrideForm:
    form.outcome.choices = [(name, label(name)) for name in OUTCOMES]
    return form


def _page(run_id: UUID, contact_id: UUID, form: OverrideForm, status: int = 200) -> ResponseReturnValue:
    session = db.session()
    run = qualification.get(session, run_id, by=g.actor)
    judged = outcomes.one(session, run_id, contact_id, by=g.actor)
    if judged is None:
        raise NotFound(mark("There is no such customer in this run."))
    programme = programmes.get(session, run.programme_id, by=g.actor)
    values = {"run": run, "one": judged, "form": _form(form), "programme": programme}
    return render_template("bank/override.html", **values), status
