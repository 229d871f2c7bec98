"""The steps between upload and start: columns and options, then a trial that writes nothing.

What was chosen travels from form to form, so "back" loses nothing; what was tried is there when the wizard is opened again.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, RadioField, SelectMultipleField, StringField
from wtforms.validators import Length
from wtforms.widgets import CheckboxInput, ListWidget

from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.contacts import properties
from app.domain.transfer import dry_run, imports, remembered
from app.domain.transfer.mapping import LABELS, PROPERTY, ImportOptions
from app.domain.transfer.models import Import
from app.http import inputs
from app.http.auth import allow
from app.web.contacts import words
from app.web.imports.blueprint import bp
from app.web.render import leave_for

NEW = "new"  # the choice "a property of its own", whose key and type stand beside it
TYPES = {
    "text": mark("Text"),
    "number": mark("Number"),
    "boolean": mark("Yes or no"),
    "date": mark("Date"),
    "list": mark("List"),
}
DELIMITERS = {
    ",": mark("Comma"),
    ";": mark("Semicolon"),
    "\t": mark("Tab"),
    "|": mark("Vertical bar"),
}
DEDUPE = {
    "update": mark("Update them with what the file says"),
    "fill": mark("Only fill in what is empty"),
    "skip": mark("Leave them as they are"),
}


class OptionsForm(FlaskForm):  # type: ignore[misc]
    """Everything about an import but its columns."""

    dedupe = RadioField(_l("People who are there already"), default="update")
    tags = StringField(_l("Tags for everybody in the file"), [Length(max=500)])
    consent = SelectMultipleField(
        _l("They agreed to marketing by"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    basis = StringField(_l("How we know"), [Length(max=200)])
    wording = StringField(_l("Wording they agreed to"), [Length(max=200)])
    demonstration = BooleanField(_l("Make up a person for every number"))


@dataclass(frozen=True)
class Column:
    """A column of the file as the form draws it."""

    number: int
    name: str
    samples: list[str]
    target: str
    key: str
    type: str
    is_personal: bool


@bp.get("/<uuid:import_id>/columns")
@allow("imports:write")
def choose(import_id: UUID) -> ResponseReturnValue:
    """Which column is what, and the options; begun with guesses, or with what was chosen for the same header before."""
    row = imports.get(db.session(), import_id, by=g.actor)
    if row.state != "uploaded":
        return redirect(url_for(".show", import_id=import_id), 303)
    options, earlier = remembered.options(db.session(), row)
    return _page(row, _form(data=options.model_dump() | {"tags": ", ".join(options.tags)}), options, earlier=earlier)


@bp.post("/<uuid:import_id>/columns")
@allow("imports:write")
def change(import_id: UUID) -> ResponseReturnValue:
    """Back from the trial, with everything as it was chosen."""
    row = imports.get(db.session(), import_id, by=g.actor)
    return _page(row, _form(), _mapping(row))


@bp.post("/<uuid:import_id>/delimiter")
@allow("imports:write")
def cut(import_id: UUID) -> ResponseReturnValue:
    """The columns as another delimiter makes them, guessed anew."""
    try:
        imports.cut_by(db.session(), import_id, request.form.get("delimiter", ""), by=g.actor)
    except Invalid as error:
        flash(_(error.message) % error.values, "danger")
    return leave_for(url_for(".choose", import_id=import_id))


@bp.post("/<uuid:import_id>/dry-run")
@allow("imports:write")
def attempt(import_id: UUID) -> ResponseReturnValue:
    """The first rows as they would become, and the counts of the file; nothing is written."""
    row, form = imports.get(db.session(), import_id, by=g.actor), _form()
    try:
        options = _options(row, form)
        remembered.keep(db.session(), row, options)
        rows = imports.preview(db.session(), row, options, by=g.actor)
        counted = dry_run.run(db.session(), row, options, by=g.actor)
    except Invalid as error:
        return _refused(row, form, error)
    given = [(name, value) for name, values in request.form.lists() for value in values if name != "csrf_token"]
    values = {"rows": rows, "dry_run": counted, "options": options, "given": given}
    return render_template("imports/dry_run.html", row=row, form=form, words=words, **values)


@bp.post("/<uuid:import_id>/start")
@allow("imports:write")
def start(import_id: UUID) -> ResponseReturnValue:
    """Hand it to a worker."""
    row, form = imports.get(db.session(), import_id, by=g.actor), _form()
    try:
        imports.start(db.session(), import_id, _options(row, form), by=g.actor)
    except Invalid as error:
        return _refused(row, form, error)
    flash(_("The import has begun. You can leave this page; it goes on by itself."), "success")
    return leave_for(url_for(".show", import_id=import_id))


def _refused(row: Import, form: OptionsForm, error: Invalid) -> ResponseReturnValue:
    inputs.onto(form, error)
    return _page(row, form, _mapping(row), 422)


def _form(data: dict[str, Any] | None = None) -> OptionsForm:
    form = OptionsForm(data=data)
    form.dedupe.choices = [(key, _(word)) for key, word in DEDUPE.items()]
    form.consent.choices = [(key, _(word)) for key, word in words.CHANNELS.items()]
    return form


def _page(
    row: Import, form: OptionsForm, options: ImportOptions, status: int = 200, *, earlier: Import | None = None
) -> ResponseReturnValue:
    session = db.session()
    definitions = properties.listed(session)
    page = render_template(
        "imports/columns.html",
        row=row,
        form=form,
        earlier=earlier,
        columns=_columns(row, options, {p.key for p in definitions}),
        fields={key: _(label) for key, label in LABELS.items()},
        definitions=definitions,
        types={key: _(label) for key, label in TYPES.items()},
        delimiters={key: _(label) for key, label in DELIMITERS.items()},
        may_demonstrate=imports.may_demonstrate(session),
    )
    return make_response(page, status)


def _columns(row: Import, options: ImportOptions, known: set[str]) -> list[Column]:
    samples, types = dry_run.samples(db.session(), row, by=g.actor), row.dialect["types"]
    guesses = imports.suggested(row).mapping
    drawn = []
    for number, name in enumerate(row.columns):
        target = options.mapping.get(name, "")
        key = target.removeprefix(PROPERTY) if target.startswith(PROPERTY) else ""
        is_new = bool(key) and key not in known
        spare = guesses[name].removeprefix(PROPERTY) if guesses[name].startswith(PROPERTY) else properties.key_of(name)
        kind = options.types.get(key) if is_new else None
        shown = NEW if is_new else target
        drawn.append(
            Column(
                number,
                name,
                samples[number],
                shown,
                key if is_new else spare,
                kind or types.get(name, "text"),
                key in options.personal if is_new else name in row.dialect.get("personal", ()),
            )
        )
    return drawn


def _mapping(row: Import) -> ImportOptions:
    """The columns as the form has them."""
    mapping, types, personal = {}, {}, []
    for number, name in enumerate(row.columns):
        target = request.form.get(f"to-{number}", "")
        if target == NEW:
            key = properties.key_of(request.form.get(f"key-{number}") or name)
            target, types[key] = PROPERTY + key, request.form.get(f"type-{number}", "text")
            if f"personal-{number}" in request.form:
                personal.append(key)
        mapping[name] = target
    known = {key: kind for key, kind in types.items() if kind in TYPES}
    return ImportOptions(mapping=mapping, types=known, personal=tuple(personal))


def _options(row: Import, form: OptionsForm) -> ImportOptions:
    """The whole form as the command. Raises Invalid."""
    columns = _mapping(row)
    return inputs.read(
        ImportOptions,
        {
            "mapping": columns.mapping,
            "types": columns.types,
            "personal": columns.personal,
            "dedupe": form.dedupe.data,
            "demonstration": bool(form.demonstration.data),
            "consent": form.consent.data or (),
            "basis": form.basis.data or "",
            "wording": form.wording.data or "",
            "tags": tuple(tag.strip() for tag in (form.tags.data or "").split(",") if tag.strip()),
        },
    )
