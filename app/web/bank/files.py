"""Balances as files: the form on which one is handed in, and what became of them."""

from flask import g, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import DateField, DecimalField, IntegerField
from wtforms.validators import InputRequired

from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.domain.bank import files
from app.domain.bank.files import LARGEST, FileInput
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.http.sizes import MB, takes
from app.web import paging
from app.web.approvals import asked
from app.web.bank.blueprint import bp
from app.web.render import leave_for, page_or_part


class FileForm(FlaskForm):  # type: ignore[misc]
    """A file and what it is said to hold."""

    day = DateField(_l("Day"), [InputRequired()])
    rows = IntegerField(_l("Records"), [InputRequired()])
    control_total = DecimalField(_l("Sum of the amounts"), [InputRequired()], places=2)
    file = FileField(_l("File"), [FileRequired(_l("Choose a file."))])


@bp.get("/files")
@allow("bank:read")
def file_list() -> ResponseReturnValue:
    """The files, the newest first."""
    page = files.listed(db.session(), paging.asked(), by=g.actor)
    return page_or_part("bank/files.html", "bank/_files.html", page=page)


@bp.get("/files/new")
@allow("bank:write")
def new_file() -> ResponseReturnValue:
    """The form."""
    return render_template("bank/file.html", form=FileForm(formdata=None), refused="")


@bp.post("/files/new")
@allow("bank:write")
@takes(LARGEST + MB)
def hand_in() -> ResponseReturnValue:
    """Ask a second person to let it in."""
    form, refused, status = FileForm(), "", 422
    names = ("day", "rows", "control_total")

    def command() -> FileInput:
        return inputs.read(FileInput, {name: getattr(form, name).data for name in names})

    if inputs.validate(form, command):
        sent = form.file.data
        try:
            approval = files.hand_in(db.session(), command(), sent.filename or "", sent.read(LARGEST + 1), by=g.actor)
            return leave_for(asked(approval))
        except Invalid as error:
            inputs.onto(form, error)
        except Conflict as error:
            refused, status = said(error), 409
    return make_response(render_template("bank/file.html", form=form, refused=refused), status)
