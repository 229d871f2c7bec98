"""Programmes: their form; every change takes two people."""

from uuid import UUID

from flask import g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DecimalField, IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.core import i18n
from app.core.db import db
from app.core.errors import Conflict, Invalid
from app.domain.access.keyring import organisation_of
from app.domain.bank import accounts, programmes
from app.domain.bank.models import Programme, ProgrammeVersion
from app.domain.bank.programmes import ProgrammeInput
from app.http import inputs
from app.http.auth import allow
from app.web.approvals import asked
from app.web.bank.blueprint import bp
from app.web.locale import current_language
from app.web.render import leave_for
from app.web.setting_words import ACCOUNTS, CALENDARS, OPENINGS, RULES


def account_word(kind: str) -> str:
    """A type of accounts in words; one that only this bank has in its own."""
    return str(_(ACCOUNTS[kind])) if kind in ACCOUNTS else kind


def account_choices(*chosen: str) -> list[tuple[str, str]]:
    """The types of accounts there are, and those that were chosen."""
    known = accounts.types(db.session(), by=g.actor)
    return [(one, account_word(one)) for one in (*known, *sorted({*chosen} - {*known}))]


def rule_sentence(asked: ProgrammeVersion) -> str:
    """What a version asks for, as a person would say it."""
    rule = _asked_sentence(asked)
    if not asked.accounts:
        return rule
    return str(_("%(rule)s; counted: %(accounts)s", rule=rule, accounts=", ".join(map(account_word, asked.accounts))))


def _asked_sentence(asked: ProgrammeVersion) -> str:
    amount = f"{i18n.number(asked.threshold, current_language(), 2)} {asked.currency}"
    if asked.rule == "at_least":
        return str(_("At least %(amount)s at the close of %(days)s days", amount=amount, days=asked.days))
    if asked.rule == "average":
        return str(_("At least %(amount)s on average over the month", amount=amount))
    return str(_("At least %(amount)s at the close of every day", amount=amount))


class ProgrammeForm(FlaskForm):  # type: ignore[misc]
    """What a programme asks for."""

    name = StringField(_l("Name"), [InputRequired()])
    threshold = DecimalField(_l("Threshold"), [InputRequired()], places=2)
    currency = StringField(_l("Currency"), [InputRequired()])
    rule = SelectField(_l("Rule"))
    days = IntegerField(_l("Days"), [Optional()])
    calendar = SelectField(_l("Days without a value"))
    carry_days = IntegerField(_l("Days a value is carried"), [Optional()])
    opening = SelectField(_l("Customers who came in the month"))
    accounts = SelectMultipleField(
        _l("Accounts that count"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )
    template_id = SelectField(_l("SMS"), default="")
    budget = DecimalField(_l("Budget of a month"), [Optional()], places=2)
    most_attempts = IntegerField(_l("Attempts in all"), [InputRequired()])
    retry_hours = IntegerField(_l("Hours between attempts"), [InputRequired()])
    recipients = SelectMultipleField(
        _l("Recipients of the report"), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )


def _form(**values: object) -> ProgrammeForm:
    form = ProgrammeForm(**values)
    form.rule.choices = [(key, _(word)) for key, word in RULES.items()]
    form.calendar.choices = [(key, _(word)) for key, word in CALENDARS.items()]
    form.opening.choices = [(key, _(word)) for key, word in OPENINGS.items()]
    form.accounts.choices = account_choices(*(form.accounts.data or ()))
    texts = programmes.texts(db.session(), by=g.actor)
    form.template_id.choices = [("", _("Nobody is told")), *((str(one.id), one.name) for one in texts)]
    form.recipients.choices = [(str(one.id), one.name) for one in programmes.readers(db.session(), by=g.actor)]
    return form


def _command(form: ProgrammeForm) -> ProgrammeInput:
    """The form as the command of the page and the API. Raises Invalid."""
    names = (
        "name",
        "threshold",
        "currency",
        "rule",
        "days",
        "calendar",
        "opening",
        "accounts",
        "budget",
        "most_attempts",
        "retry_hours",
        "recipients",
    )
    values = {name: getattr(form, name).data for name in names}
    others = {"carry_days": form.carry_days.data or 0, "template_id": form.template_id.data or None}
    return inputs.read(ProgrammeInput, {**values, **others})


@bp.get("/programmes/new")
@allow("bank:write")
def new() -> ResponseReturnValue:
    """The form of a new programme."""
    fields = {name: one.default for name, one in ProgrammeInput.model_fields.items() if not one.is_required()}
    form = _form(**{**fields, "currency": organisation_of(db.session()).currency, "template_id": ""})
    return _page(form, None)


@bp.post("/programmes/new")
@allow("bank:write")
def create() -> ResponseReturnValue:
    """Ask a second person for a programme."""
    return _propose(None)


@bp.get("/programmes/<uuid:programme_id>/edit")
@allow("bank:write")
def edit(programme_id: UUID) -> ResponseReturnValue:
    """The form of a programme's next version."""
    programme = programmes.get(db.session(), programme_id, by=g.actor)
    asked_now = programmes.as_input(db.session(), programme, by=g.actor).model_dump()
    given = {
        "template_id": str(asked_now["template_id"] or ""), "recipients": [str(one) for one in asked_now["recipients"]],
    }  # fmt: skip
    form = _form(**{**asked_now, **given})
    return _page(form, programme)


@bp.post("/programmes/<uuid:programme_id>/edit")
@allow("bank:write")
def change(programme_id: UUID) -> ResponseReturnValue:
    """Ask a second person for another version."""
    return _propose(programmes.get(db.session(), programme_id, by=g.actor))


def _page(form: ProgrammeForm, programme: Programme | None) -> str:
    currency = organisation_of(db.session()).currency
    return render_template("bank/programme.html", form=form, programme=programme, currency=currency)


def _propose(programme: Programme | None) -> ResponseReturnValue:
    form = _form()
    if inputs.validate(form, lambda: _command(form)):
        try:
            proposed = programmes.propose(db.session(), _command(form), programme.id if programme else None, by=g.actor)
            return leave_for(asked(proposed))
        except (Invalid, Conflict) as error:
            inputs.onto(form, error)
    return _page(form, programme), 422
