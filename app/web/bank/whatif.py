"""What if: the month of a run by another rule, side by side with it."""

from uuid import UUID

from flask import g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DecimalField, IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app.core.db import db
from app.core.errors import Invalid, NotFound, mark
from app.domain.bank import programmes, qualification, whatif
from app.domain.bank.models import OUTCOMES
from app.domain.bank.programmes import Rule
from app.http import inputs
from app.http.auth import allow
from app.web.bank.blueprint import bp
from app.web.bank.programmes import account_choices
from app.web.locale import said
from app.web.setting_words import CALENDARS, OPENINGS, RULES


class WhatIfForm(FlaskForm):  # type: ignore[misc]
    """What the month would be judged by. It is sent in the address: it changes nothing, and may be kept."""

    class Meta:
        """Nothing is changed, so nothing is forged."""

        csrf = False

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


@bp.get("/what-if")
@allow("bank:read")
def what_if() -> ResponseReturnValue:
    """The form, filled with the run's own rule, and once it is asked the two side by side."""
    session, run_id = db.session(), _run(request.args.get("run", ""))
    run = qualification.get(session, run_id, by=g.actor)
    own = whatif.rule_of(session, run_id, by=g.actor)
    is_asked = "rule" in request.args
    form = WhatIfForm(request.args if is_asked else None, data=own.model_dump())
    form.rule.choices = [(key, said(word)) for key, word in RULES.items()]
    form.calendar.choices = [(key, said(word)) for key, word in CALENDARS.items()]
    form.opening.choices = [(key, said(word)) for key, word in OPENINGS.items()]
    form.accounts.choices = account_choices(*own.accounts, *(form.accounts.data or ()))
    found, status = None, 200
    if is_asked:
        try:
            rule = _rule(form) if form.validate() else None
            found = whatif.ask(session, run_id, rule, by=g.actor) if rule else None
        except Invalid as error:
            inputs.onto(form, error)
        status = 200 if found else 422
    programme = programmes.get(session, run.programme_id, by=g.actor)
    values = {"form": form, "run": run, "programme": programme, "found": found, "outcomes": OUTCOMES}
    return render_template("bank/whatif.html", **values), status


def _rule(form: WhatIfForm) -> Rule:
    """What was asked; a number that belongs to another rule or calendar is left over from there."""
    values = {
        name: getattr(form, name).data for name in ("threshold", "currency", "rule", "calendar", "opening", "accounts")
    }
    days = form.days.data if form.rule.data == "at_least" else None
    carry = form.carry_days.data or 0 if form.calendar.data == "carry" else 0
    return inputs.read(Rule, {**values, "days": days, "carry_days": carry})


def _run(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise NotFound(mark("There is no such run.")) from None
