"""The form of a campaign: new, change, clone."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import flash, g, make_response, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import (
    DateTimeLocalField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from app.core import i18n
from app.core.db import db
from app.core.errors import Conflict, Invalid, Stale, Together, mark
from app.domain.access.keyring import organisation_of
from app.domain.campaigns import drafts
from app.domain.campaigns.drafts import SUBJECT, CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.segments.models import Segment
from app.http import inputs
from app.http.auth import allow
from app.http.errors import said
from app.web import conflicts, moments
from app.web.campaigns import shown
from app.web.campaigns.blueprint import bp
from app.web.locale import current_language
from app.web.reasons import PRIORITIES
from app.web.render import leave_for, page_or_part


class CampaignForm(FlaskForm):  # type: ignore[misc]
    """A campaign as a person writes it. Everybody is a choice of its own, never what is left when nothing was chosen."""

    version = HiddenField()
    name = StringField(_l("Name"), [InputRequired(), Length(max=120)])
    description = TextAreaField(_l("Description"), [Length(max=2000)])
    priority = SelectField(_l("Priority"), default="normal")
    who = RadioField(_l("Audience"), default="segments")
    segments = SelectMultipleField(_l("People of any of these segments"))
    groups = SelectMultipleField(_l("People of any of these groups"))
    exclude = SelectMultipleField(_l("Without the people of these segments"))
    sms_template_id = SelectField(_l("SMS"))
    email_template_id = SelectField(_l("E-mail"))
    moment = RadioField(_l("The sending begins"), default="approval")
    scheduled_at = DateTimeLocalField(_l("Date and time"), [Optional()], format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


def _form(data: dict[str, Any] | None = None, *, of_request: bool = True) -> CampaignForm:
    form = CampaignForm(data=data) if of_request else CampaignForm(formdata=None, data=data)
    offered = drafts.choices(db.session(), by=g.actor)
    segments = [(str(segment.id), _named(segment)) for segment in offered.segments]
    form.priority.choices = [(key, _(word)) for key, word in PRIORITIES.items()]
    some = _("People of some segments or groups") if offered.groups else _("People of some segments")
    form.who.choices = [("segments", some), ("everybody", _("Everybody"))]
    form.segments.choices = form.exclude.choices = segments
    form.groups.choices = [(str(group.id), group.name) for group in offered.groups]
    for field, channel in ((form.sms_template_id, "sms"), (form.email_template_id, "email")):
        templates = [(str(template.id), template.name) for template in offered.templates if template.channel == channel]
        field.choices = [("", _("No message on this channel")), *templates]
    form.moment.choices = [("approval", _("As soon as it is approved")), ("at", _("At a moment, once it is approved"))]
    return form


def _named(segment: Segment) -> str:
    """A segment with its last count, as the choice is written."""
    return segment.name if segment.size is None else f"{segment.name} ({i18n.number(segment.size, current_language())})"


@bp.get("/new")
@allow("campaigns:write")
def new() -> ResponseReturnValue:
    """The empty form."""
    return _page(_form(), None, 200)


@bp.post("/new")
@allow("campaigns:write")
def create() -> ResponseReturnValue:
    """A new draft."""
    form = _form()
    if inputs.validate(form, lambda: _command(form)):
        try:
            campaign = drafts.create(db.session(), _command(form), by=g.actor)
        except Invalid as error:
            _onto(form, error)
        else:
            flash(_("The draft is saved."), "success")
            return leave_for(url_for(".show", campaign_id=campaign.id))
    return _page(form, None, 422)


@bp.get("/<uuid:campaign_id>/edit")
@allow("campaigns:write")
def edit(campaign_id: UUID) -> ResponseReturnValue:
    """The form of a campaign that can still be changed."""
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    if "edit" not in shown.head(campaign)["verbs"]:
        return redirect(url_for(".show", campaign_id=campaign_id), 303)
    return _page(_form(_present(campaign)), campaign, 200)


@bp.post("/<uuid:campaign_id>/edit")
@allow("campaigns:write")
def update(campaign_id: UUID) -> ResponseReturnValue:
    """Change a campaign; any change withdraws it from approval."""
    campaign = drafts.get(db.session(), campaign_id, by=g.actor)
    form, status = _form(_present(campaign)), 422
    if inputs.validate(form, lambda: _command(form)):
        try:
            drafts.update(
                db.session(), campaign_id, _command(form), version=inputs.version(form.version.data) or 0, by=g.actor
            )
        except Invalid as error:
            _onto(form, error)
        except Stale:
            return _conflict(form, campaign)
        except Conflict as error:
            form.form_errors.append(said(error))
            status = 409
        else:
            flash(_("Saved."), "success")
            return leave_for(url_for(".show", campaign_id=campaign_id))
    return _page(form, campaign, status)


def _conflict(form: CampaignForm, campaign: Campaign) -> ResponseReturnValue:
    """Somebody else was faster: what differs, and the form as it was written, now on the newest version."""
    db.session().refresh(campaign)
    found = conflicts.conflicting(
        (SUBJECT, campaign.id), conflicts.between(_form(_present(campaign), of_request=False), form)
    )
    form.version.data = str(campaign.version)
    return _page(form, campaign, 409, conflict=found)


@bp.post("/<uuid:campaign_id>/clone")
@allow("campaigns:write")
def clone(campaign_id: UUID) -> ResponseReturnValue:
    """A new draft with the same audience and texts."""
    campaign = drafts.clone(db.session(), campaign_id, by=g.actor)
    flash(_("This is a copy. Give it a name of its own."), "success")
    return leave_for(url_for(".edit", campaign_id=campaign.id))


def _page(form: CampaignForm, campaign: Campaign | None, status: int, **more: object) -> ResponseReturnValue:
    values: dict[str, object] = {
        **more,
        "form": form,
        "campaign": campaign,
        "zone": organisation_of(db.session()).timezone,
    }
    return make_response(page_or_part("campaigns/edit.html", "campaigns/_form.html", **values), status)


def _present(campaign: Campaign) -> dict[str, Any]:
    """The form's data from what is kept; the moment in the organisation's time."""
    moment = campaign.scheduled_at
    return {
        "version": str(campaign.version),
        "name": campaign.name,
        "description": campaign.description,
        "priority": campaign.priority,
        "who": "segments" if campaign.audience.get("segments") or campaign.audience.get("groups") else "everybody",
        "segments": campaign.audience.get("segments", []),
        "groups": campaign.audience.get("groups", []),
        "exclude": campaign.audience.get("exclude", []),
        "sms_template_id": str(campaign.sms_template_id or ""),
        "email_template_id": str(campaign.email_template_id or ""),
        "moment": "at" if moment else "approval",
        "scheduled_at": moments.local(moment) if moment else None,
    }


def _command(form: CampaignForm) -> CampaignInput:
    """The form as the command of the page and the API. Raises Invalid."""
    everybody, found, moment = form.who.data == "everybody", Together(), None
    with found:
        if not everybody and not form.segments.data and not form.groups.data:
            raise Invalid.field("segments", mark("Choose at least one segment, or “Everybody”."))
    with found:
        moment = _moment(form)
    found.stop()
    return inputs.read(
        CampaignInput,
        {
            "name": form.name.data,
            "description": form.description.data or None,
            "priority": form.priority.data,
            "audience": {
                "segments": [] if everybody else form.segments.data,
                "groups": [] if everybody else form.groups.data,
                "exclude": form.exclude.data or [],
            },
            "sms_template_id": form.sms_template_id.data or None,
            "email_template_id": form.email_template_id.data or None,
            "scheduled_at": moment,
        },
    )


def _moment(form: CampaignForm) -> datetime | None:
    """The moment in UTC."""
    if form.moment.data != "at":
        return None
    local: datetime | None = form.scheduled_at.data
    if local is None:
        raise Invalid.field("scheduled_at", mark("Choose a date and a time."))
    return moments.utc(local, "scheduled_at")


def _onto(form: CampaignForm, error: Invalid) -> None:
    inputs.onto(form, error)
    if any(issue.field.startswith("audience") for issue in error.details):
        form.segments.errors = [said(issue) for issue in error.details if issue.field.startswith("audience")]
        form.form_errors.clear()
