"""The first step of an import: a file, or the example file."""

from typing import IO, cast

from flask import flash, g, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired

from app.core.db import db
from app.core.errors import Invalid
from app.domain.transfer import imports
from app.http import inputs
from app.http.auth import allow
from app.http.sizes import FILE, takes
from app.web.imports.blueprint import bp
from app.web.render import leave_for


class UploadForm(FlaskForm):  # type: ignore[misc]
    """A file."""

    file = FileField(_l("File"), [FileRequired(_l("Choose a file."))])


@bp.get("/new")
@allow("imports:write")
def new() -> ResponseReturnValue:
    """Choose a file."""
    return _page(UploadForm(), 200)


@bp.post("/new")
@allow("imports:write")
@takes(FILE)
def take() -> ResponseReturnValue:
    """Keep the file and go on to its columns; what is wrong with it is said beside the field."""
    form = UploadForm()
    if form.validate():
        sent = form.file.data
        try:
            row = imports.upload(db.session(), sent.filename or "", cast("IO[bytes]", sent.stream), by=g.actor)
        except Invalid as error:
            inputs.onto(form, error)
        else:
            return leave_for(url_for(".choose", import_id=row.id))
    return _page(form, 422)


@bp.post("/example")
@allow("imports:write")
def example() -> ResponseReturnValue:
    """Go on with the example file."""
    row = imports.use_example(db.session(), by=g.actor)
    flash(_("This is the example: real clients of a bank, without names. Made-up people can be added to them."), "info")
    return leave_for(url_for(".choose", import_id=row.id))


def _page(form: UploadForm, status: int) -> ResponseReturnValue:
    page = render_template("imports/new.html", form=form, has_example=imports.EXAMPLE.exists())
    return make_response(page, status)
