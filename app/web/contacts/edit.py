"""The form of a contact: new and change, with a field for every custom property."""

from typing import Any
from uuid import UUID

from flask import flash, g, make_response, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import EmailField, Field, HiddenField, SelectField, StringField, TelField
from wtforms.validators import Length

from app.core.db import db
from app.core.errors import Conflict, Invalid, Issue, Stale
from app.domain.contacts import profile, properties
from app.domain.contacts.models import Contact, PropertyDefinition
from app.domain.contacts.profile import ContactInput
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.http.session import keep_changes
from app.web.conflicts import Difference, conflicting
from app.web.contacts import words
from app.web.contacts.blueprint import bp
from app.web.render import leave_for, page_or_part

OWN = "own_"  # a custom property's field is own_<key>


class ContactForm(FlaskForm):  # type: ignore[misc]
    """What every contact has; a field for each custom property is added by `_form`."""

    version = HiddenField()
    first_name = StringField(_l("First name"), [Length(max=100)])
    last_name = StringField(_l("Last name"), [Length(max=100)])
    phone = TelField(_l("Phone"), [Length(max=40)])
    email = EmailField(_l("E-mail"), [Length(max=320)])
    external_id = StringField(_l("Customer number"), [Length(max=200)])
    language = SelectField(_l("Language"), default="", validate_choice=False)
    gender = SelectField(_l("Gender"), default="")
    lifecycle_stage = StringField(_l("Lifecycle stage"), [Length(max=40)])
    city = StringField(_l("City"), [Length(max=120)])
    postal_code = StringField(_l("Postal code"), [Length(max=20)])
    country = StringField(_l("Country"), [Length(max=2)])
    timezone = StringField(_l("Time zone"), [Length(max=64)])
    tags = StringField(_l("Tags"), [Length(max=2000)])
    groups = StringField(_l("Groups"), [Length(max=2000)])


@bp.get("/new")
@allow("contacts:write")
def new() -> ResponseReturnValue:
    """The empty form."""
    return _page(_form(), None)


@bp.post("/new")
@allow("contacts:write")
def create() -> ResponseReturnValue:
    """Add a contact."""
    form = _form()
    if form.validate():
        try:
            contact = profile.create(db.session(), _command(form), by=g.actor)
        except Invalid as error:
            _onto(form, error)
        except Conflict as error:
            form.external_id.errors = [said(error)]
        else:
            flash(_("The contact is saved."), "success")
            return leave_for(url_for(".show", contact_id=contact.id))
    return _page(form, None, status=422)


@bp.get("/<uuid:contact_id>/edit")
@allow("contacts:write")
def edit(contact_id: UUID) -> ResponseReturnValue:
    """The form with everything in clear: opening it is a logged look at the person."""
    profile.reveal(db.session(), contact_id, by=g.actor)
    contact = profile.get(db.session(), contact_id, by=g.actor)
    return _page(_form(_present(contact)), contact)


@bp.post("/<uuid:contact_id>/edit")
@allow("contacts:write")
def save(contact_id: UUID) -> ResponseReturnValue:
    """Change a contact; when somebody else was faster, show what differs instead."""
    contact = profile.get(db.session(), contact_id, by=g.actor)
    form = _form()
    if not form.validate():
        return _page(form, contact, status=422)
    try:
        command = _command(form)
        profile.update(db.session(), contact_id, command, version=_version(form), by=g.actor)
    except Invalid as error:
        _onto(form, error)
        return _page(form, contact, status=422)
    except Stale:
        profile.reveal(db.session(), contact_id, by=g.actor)  # what somebody else wrote is shown in clear
        keep_changes()
        found = conflicting((profile.SUBJECT, contact.id), _differences(contact, command))
        form.version.data = str(contact.version)
        return _page(form, contact, status=409, conflict=found)
    except Conflict as error:
        form.external_id.errors = [said(error)]
        return _page(form, contact, status=422)
    flash(_("Saved."), "success")
    return leave_for(url_for(".show", contact_id=contact_id))


def _page(form: FlaskForm, contact: Contact | None, *, status: int = 200, **values: Any) -> ResponseReturnValue:
    own = [getattr(form, OWN + row.key) for row in properties.listed(db.session())]
    page = page_or_part("contacts/edit.html", "contacts/_form.html", form=form, contact=contact, own=own, **values)
    return make_response(page, status)


def _form(data: dict[str, Any] | None = None) -> FlaskForm:
    fields = {OWN + row.key: _field(row) for row in properties.listed(db.session())}
    form: FlaskForm = type("OneContactForm", (ContactForm,), fields)(data=data)
    form.gender.choices = [("", "–"), *((key, _(word)) for key, word in words.GENDERS.items())]
    form.language.choices = [("", "–"), *words.LANGUAGES.items()]
    known = form.language.data
    if known and known not in words.LANGUAGES:
        form.language.choices.append((known, known))
    return form


def _field(row: PropertyDefinition) -> Field:
    """The field of a property; its text is brought to its type by the domain."""
    if row.type == "boolean":
        return SelectField(row.label, default="", choices=[("", "–"), ("yes", _l("yes")), ("no", _l("no"))])
    hints = {"list": _l("Separate several by commas."), "date": _l("For example 2026-03-31.")}
    return StringField(row.label, [Length(max=2000)], description=hints.get(row.type, ""))


def _version(form: FlaskForm) -> int:
    return inputs.version(str(form.version.data or "")) or 0


def _present(contact: Contact) -> dict[str, Any]:
    known = profile.input_of(db.session(), contact)
    own = {OWN + key: _text(value) for key, value in known.properties.items()}
    plain = {name: getattr(known, name) or "" for name in words.FIELDS if name not in ("properties", "tags", "groups")}
    return {
        **plain,
        **own,
        "tags": ", ".join(known.tags),
        "groups": ", ".join(known.groups),
        "version": str(contact.version),
    }


def _text(value: Any) -> str:
    """A typed value as the form writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _command(form: FlaskForm) -> ContactInput:
    plain = {name: form[name].data or None for name in words.FIELDS if name not in ("properties", "tags", "groups")}
    own = {field.name.removeprefix(OWN): field.data for field in form if field.name.startswith(OWN) and field.data}
    lists = {name: _parts(form[name].data) for name in ("tags", "groups")}
    return inputs.read(ContactInput, {**plain, **lists, "properties": own})


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _differences(contact: Contact, command: ContactInput) -> list[Difference]:
    """What stands now and is not what the form says."""
    db.session().refresh(contact)
    now = profile.input_of(db.session(), contact)
    rows = [
        Difference(_(label), _text(getattr(now, name)), _text(getattr(command, name)))
        for name, label in words.FIELDS.items()
        if name != "properties"
    ]
    rows += [
        Difference(own.label, _text(now.properties.get(own.key)), _text(command.properties.get(own.key)))
        for own in properties.listed(db.session())
    ]
    return rows


def _onto(form: FlaskForm, error: Invalid) -> None:
    """The domain's field names are the form's, except that properties.<key> is own_<key>."""
    moved = [Issue(issue.field.replace("properties.", OWN, 1), issue.message, issue.values) for issue in error.details]
    inputs.onto(form, Invalid(error.message, details=tuple(moved), **error.values))
