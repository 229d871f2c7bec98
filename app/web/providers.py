"""Accounts with providers: what is used in which order, their settings, whether they answer."""

from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from flask import Blueprint, abort, current_app, flash, g, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from pydantic.fields import FieldInfo
from wtforms import (
    BooleanField,
    DecimalField,
    Field,
    IntegerField,
    PasswordField,
    SelectField,
    StringField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.core.db import db
from app.core.errors import Invalid
from app.domain.providers import accounts, changes
from app.domain.providers.accounts import AccountInput
from app.domain.providers.models import ProviderAccount
from app.domain.reports import daily, period
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import KINDS, Kind, open_channel
from app.http import inputs
from app.http.auth import allow
from app.web.approvals import asked
from app.web.locale import said
from app.web.render import leave_for, page_or_part, parts_or_redirect
from app.web.setting_words import CHOICES, KIND_LABELS, SETTINGS

bp = Blueprint("providers", __name__, url_prefix="/providers")


class AccountForm(FlaskForm):  # type: ignore[misc]
    """What every account has; the settings of its kind are added by `_form`."""

    name = StringField(_l("Name"), [InputRequired(), Length(max=80)])
    sender = StringField(_l("Sender"), [InputRequired(), Length(max=200)])
    priority = IntegerField(_l("Order of use"), [InputRequired(), NumberRange(1, 1000)], default=100)
    cost = DecimalField(_l("Cost"), [InputRequired(), NumberRange(0, 999)], places=5, default=0)
    secret = PasswordField(_l("Secret"), [Length(max=500)])


@bp.get("")
@allow("providers:read")
def index() -> ResponseReturnValue:
    """All accounts, in the order in which they are used."""
    return page_or_part(
        "providers/index.html", "providers/_accounts.html", accounts=accounts.listed(db.session(), by=g.actor)
    )


@bp.get("/days")
@allow("providers:read")
def days() -> ResponseReturnValue:
    """What each account carried on a day, today unless one is named."""
    on, carried, wrong = request.args.get("on", "").strip(), [], ""
    try:
        day = period.one(g.organisation.timezone, on)
    except Invalid as error:
        wrong = said(error.message)
    else:
        on, carried = day.first.isoformat(), daily.carried(db.session(), day, by=g.actor)
    answer = page_or_part("providers/days.html", "providers/_days.html", on=on, carried=carried, wrong=wrong)
    return make_response(answer, 422 if wrong else 200)


@bp.get("/new")
@allow("providers:write")
def choose() -> ResponseReturnValue:
    """What kind of provider."""
    return render_template("providers/choose.html", kinds=_offered(), labels=KIND_LABELS)


@bp.get("/new/<kind>")
@allow("providers:write")
def new(kind: str) -> ResponseReturnValue:
    """The empty form of a kind."""
    return _edit_page(_form(_known(kind)), kind, None)


@bp.post("/new/<kind>")
@allow("providers:write")
def create(kind: str) -> ResponseReturnValue:
    """A new account."""
    known = _known(kind)
    form = _form(known)
    if form.validate_on_submit():
        try:
            proposed = changes.propose_new(db.session(), _command(form, kind, known), by=g.actor)
        except Invalid as error:
            inputs.onto(form, error)
        else:
            return leave_for(asked(proposed))
    return _edit_page(form, kind, None, 422)


@bp.get("/<uuid:account_id>")
@allow("providers:write")
def edit(account_id: UUID) -> ResponseReturnValue:
    """The form of an account, without its secret."""
    account = accounts.read(db.session(), account_id, by=g.actor)
    return _edit_page(_form(KINDS[account.kind], account), account.kind, account)


@bp.post("/<uuid:account_id>")
@allow("providers:write")
def update(account_id: UUID) -> ResponseReturnValue:
    """Change an account; its secret can be replaced, never read."""
    account = accounts.read(db.session(), account_id, by=g.actor)
    known = KINDS[account.kind]
    form = _form(known, account)
    if form.validate_on_submit():
        try:
            proposed = changes.propose(db.session(), account_id, _command(form, account.kind, known), by=g.actor)
        except Invalid as error:
            inputs.onto(form, error)
        else:
            if proposed:
                return leave_for(asked(proposed))
            flash(_("Saved."), "success")
            return leave_for(url_for(".index"))
    return _edit_page(form, account.kind, account, 422)


def _edit_page(form: FlaskForm, kind: str, account: ProviderAccount | None, status: int = 200) -> ResponseReturnValue:
    values = {
        "form": form,
        "kind": KINDS[kind],
        "label": _label(kind),
        "provider": account,
        "settings": _order(KINDS[kind]),
    }
    return make_response(page_or_part("providers/edit.html", "providers/_form.html", **values), status)


@bp.post("/<uuid:account_id>/enabled")
@allow("providers:write")
def switch(account_id: UUID) -> ResponseReturnValue:
    """Use an account again, or no more."""
    if request.form.get("on") == "1":
        return leave_for(asked(changes.propose_use(db.session(), account_id, by=g.actor)))
    accounts.set_enabled(db.session(), account_id, False, by=g.actor)
    flash(_("The account is not used any more."), "success")
    return _accounts()


@bp.post("/<uuid:account_id>/test")
@allow("providers:write")
def test(account_id: UUID) -> ResponseReturnValue:
    """Reach the provider without sending anything."""
    error = accounts.probe(db.session(), account_id, _open, by=g.actor)
    if error is None:
        flash(_("The provider answered. Nothing was sent."), "success")
    else:
        flash(_("The provider does not answer as it should: %(reason)s", reason=_(error)), "danger")
    return _accounts()


def _accounts() -> ResponseReturnValue:
    found = accounts.listed(db.session(), by=g.actor)
    return parts_or_redirect(url_for(".index"), "providers/_accounts.html", accounts=found)


def _open(kind: str, config: Any, secret: str) -> Any:
    """The channel behind a guard that lets nobody through: a test must not be able to write to anyone."""
    settings = current_app.config["SETTINGS"]
    return open_channel(kind, config, secret, guard=Guard.only(()), allow_private=not settings.is_production)


def _known(kind: str) -> Kind:
    found = _offered().get(kind)
    if found is None:
        abort(404)
    return found


def _order(kind: Kind) -> list[str]:
    """The settings as they are asked for: what must be known first, patience last."""
    fields = kind.config.model_fields
    return sorted(fields, key=lambda name: (not fields[name].is_required(), "seconds" in name))


def _offered() -> dict[str, Kind]:
    return {name: kind for name, kind in KINDS.items() if not name.startswith("memory")}


def _label(kind: str) -> str:
    return str(_(KIND_LABELS.get(kind, KINDS[kind].label)))


def _form(kind: Kind, account: ProviderAccount | None = None) -> FlaskForm:
    """The form of a kind: the common fields and one for each of its settings."""
    fields = {name: _setting(name, info) for name, info in kind.config.model_fields.items()}
    made = type("OneAccountForm", (AccountForm,), fields)
    form: FlaskForm = made(data=_present(account) if account else None)
    if account is None and kind.needs_secret:
        form.secret.validators = [InputRequired(), *form.secret.validators]
        form.secret.flags.required = True
    return form


def _present(account: ProviderAccount) -> dict[str, object]:
    own = {"name": account.name, "sender": account.sender, "priority": account.priority, "cost": account.cost}
    return {**own, **account.config}


def _setting(name: str, info: FieldInfo) -> Field:
    """The form field of one setting, by its type."""
    label, help_text = SETTINGS.get(name, (info.title or name, ""))
    label = _(label)
    needed = [InputRequired()] if info.is_required() else [Optional()]
    default = None if info.is_required() else info.default
    options: dict[str, Any] = {"default": default, "description": _(help_text) if help_text else ""}
    if info.annotation is bool:
        return BooleanField(label, **options)
    if info.annotation is int:
        return IntegerField(label, needed, **options)
    if info.annotation is float:
        return DecimalField(label, needed, places=1, **options)
    if get_origin(info.annotation) is Literal:
        values = get_args(info.annotation)
        return SelectField(label, choices=[(value, _(CHOICES.get(value, value))) for value in values], **options)
    return StringField(label, needed, **options)


def _command(form: FlaskForm, kind: str, known: Kind) -> AccountInput:
    """The form as the command of both create and update."""
    config = {name: _plain(form[name].data) for name in known.config.model_fields}
    return inputs.read(
        AccountInput,
        {
            "name": form.name.data,
            "kind": kind,
            "channel": known.channel,
            "config": {name: value for name, value in config.items() if value is not None},
            "secret": form.secret.data or "",
            "sender": form.sender.data,
            "priority": form.priority.data,
            "cost": str(form.cost.data),
        },
    )


def _plain(value: Any) -> Any:
    """A setting as it is kept in JSON."""
    if value is None or value == "":
        return None
    return float(value) if hasattr(value, "quantize") else value
