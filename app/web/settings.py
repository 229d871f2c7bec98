"""Settings of the organisation: what it is, and when marketing may go out. A second owner decides on every change."""

import re
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, g, make_response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, FloatField, IntegerField, SelectField, StringField, TextAreaField, TimeField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from app.core import clock
from app.core.db import db
from app.core.errors import Invalid, Issue, mark
from app.domain.approvals import decisions, settings
from app.domain.approvals.models import Approval
from app.domain.approvals.settings import CALENDAR, ORGANISATION, OrganisationInput
from app.domain.calendar import holidays, hours
from app.domain.calendar.hours import CalendarInput
from app.domain.calendar.windows import Windows, windows_of
from app.http import inputs
from app.http.auth import allow
from app.web.approvals import asked
from app.web.locale import current_language
from app.web.render import leave_for

bp = Blueprint("settings", __name__, url_prefix="/settings")

WEEKDAYS = {
    6: mark("Sunday"), 0: mark("Monday"), 1: mark("Tuesday"), 2: mark("Wednesday"),
    3: mark("Thursday"), 4: mark("Friday"), 5: mark("Saturday"),
}  # fmt: skip
_LINE = re.compile(
    r"(\d{4}-\d{2}-\d{2})\s+(?:(closed|סגור)|(\d{1,2}:\d{2})\s*[-–]\s*(\d{1,2}:\d{2}))(?:\s+(.*))?", re.IGNORECASE
)
AHEAD = 366  # days of which the closed and short ones are shown


CAPS = {"together": _l("All channels together"), "sms": _l("SMS"), "email": _l("E-mail")}


class _OrganisationForm(FlaskForm):  # type: ignore[misc]
    """What the organisation is, how much an approved audience may grow, and how hard the core bank is asked."""

    name = StringField(_l("Name"), [InputRequired(), Length(max=120)])
    locale = SelectField(_l("Language"), choices=[("en", "English"), ("he", "עברית")])
    timezone = StringField(_l("Time zone"), [InputRequired(), Length(max=60)])
    currency = StringField(_l("Currency"), [InputRequired(), Length(min=3, max=3)])
    percent = FloatField(_l("Growth in per cent"), [InputRequired(), NumberRange(0, 100)])
    people = IntegerField(_l("Growth in people"), [InputRequired(), NumberRange(0, 1_000_000)])
    days_at_once = IntegerField(_l("Days asked for at once"), [InputRequired(), NumberRange(1, 8)])


def _cap_fields() -> dict[str, Any]:
    """For each cap how many messages, in how many days."""
    return {
        f"{cap}_{name}": IntegerField(label, [Optional(), NumberRange(1, most)])
        for cap in CAPS
        for name, label, most in (("most", _l("Messages at most"), 1000), ("days", _l("In days"), 366))
    }


OrganisationForm = type("OrganisationForm", (_OrganisationForm,), _cap_fields())


@bp.get("/organisation")
@allow("users:read")
def organisation() -> ResponseReturnValue:
    """What the organisation is."""
    known = settings.organisation(db.session())
    caps = known.caps.model_dump()
    shown = {f"{cap}_{name}": value for cap in CAPS for name, value in (caps[cap] or {}).items()}
    form = OrganisationForm(formdata=None, data={**known.model_dump(), **known.growth.model_dump(), **shown})
    return _organisation_page(form)


@bp.post("/organisation")
@allow("settings:write")
def change_organisation() -> ResponseReturnValue:
    """Ask for a change of it."""
    form = OrganisationForm()
    if inputs.validate(form, lambda: _organisation_of(form)):
        try:
            new = _organisation_of(form)
            proposed = settings.propose_organisation(db.session(), new, by=g.actor)
        except Invalid as error:
            inputs.onto(form, error)
        else:
            return leave_for(asked(proposed) if proposed else url_for(".organisation"))
    return _organisation_page(form, 422)


def _organisation_of(form: FlaskForm) -> OrganisationInput:
    """The form as the command. Raises Invalid."""
    growth = {"percent": form.percent.data, "people": form.people.data}
    given = {name: (form[name].data or "").strip() for name in ("name", "locale", "timezone", "currency")}
    caps = {cap: {name: form[f"{cap}_{name}"].data for name in ("most", "days")} for cap in CAPS}
    for cap, one in caps.items():
        if lacking := [name for name, value in one.items() if value is None and any(one.values())]:
            raise Invalid.field(f"{cap}_{lacking[0]}", mark("Both numbers, or none."))
    set_caps = {cap: one for cap, one in caps.items() if any(one.values())}
    given["days_at_once"] = form.days_at_once.data
    return inputs.read(OrganisationInput, {**given, "growth": growth, "caps": set_caps})


def _organisation_page(form: FlaskForm, status: int = 200) -> ResponseReturnValue:
    return make_response(
        render_template("settings/organisation.html", form=form, caps=CAPS, waiting=_waiting(ORGANISATION)), status
    )


def _waiting(kind: str) -> Approval | None:
    return decisions.open_request(db.session(), (kind, g.actor.organisation_id))


class _CalendarForm(FlaskForm):  # type: ignore[misc]
    holidays = BooleanField(_l("Nothing on the holidays of Israel, and Friday’s hours on their eves"))
    days = TextAreaField(_l("Days that differ"), [Length(max=40_000)])


def _fields() -> dict[str, Any]:
    """For each day of the week whether it is open, and from when until when."""
    fields: dict[str, Any] = {}
    for day in WEEKDAYS:
        fields[f"open_{day}"] = BooleanField(_l("Allowed"))
        fields[f"from_{day}"] = TimeField(_l("From"), [Optional()])
        fields[f"to_{day}"] = TimeField(_l("Until"), [Optional()])
    return fields


CalendarForm = type("CalendarForm", (_CalendarForm,), _fields())


@bp.get("/calendar")
@allow("users:read")
def calendar() -> ResponseReturnValue:
    """When marketing may go out."""
    known = hours.present(db.session())
    data: dict[str, Any] = {"holidays": bool(known.holidays), "days": "\n".join(_line(one) for one in known.days)}
    for day, span in known.week.items():
        data |= {f"open_{day}": True, f"from_{day}": span.opens, f"to_{day}": span.closes}
    return _calendar_page(CalendarForm(formdata=None, data=data))


def _line(one: hours.SpecialDay) -> str:
    span = "-".join(one.hours.plain) if one.hours else "closed"
    return f"{one.day.isoformat()} {span} {one.name}".rstrip()


@bp.post("/calendar")
@allow("settings:write")
def change_calendar() -> ResponseReturnValue:
    """Ask for other hours."""
    form = CalendarForm()
    if form.validate_on_submit():
        try:
            proposed = settings.propose_calendar(db.session(), _command(form), by=g.actor)
        except Invalid as error:
            _onto(form, error)
        else:
            return leave_for(asked(proposed) if proposed else url_for(".calendar"))
    return _calendar_page(form, 422)


def _command(form: FlaskForm) -> CalendarInput:
    """The form as a command. Raises Invalid, on the fields of the form."""
    week = {
        str(day): {"opens": form[f"from_{day}"].data, "closes": form[f"to_{day}"].data}
        for day in WEEKDAYS
        if form[f"open_{day}"].data
    }
    days, wrong = [], []
    for number, line in enumerate((form.days.data or "").splitlines(), start=1):
        found = _LINE.fullmatch(line.strip())
        if found:
            day, closed, opens, closes, name = found.groups()
            span = None if closed else {"opens": opens.zfill(5), "closes": closes.zfill(5)}
            days.append({"day": day, "hours": span, "name": name or ""})
        elif line.strip():
            wrong.append(str(number))
    if wrong:
        raise Invalid.field(
            "days", mark("Line %(lines)s: write a day, then “closed” or hours, then a name: 2026-12-31 09:00-13:00 Short day."),
            lines=", ".join(wrong),
        )  # fmt: skip
    return inputs.read(CalendarInput, {"week": week, "holidays": "IL" if form.holidays.data else "", "days": days})


def _onto(form: FlaskForm, error: Invalid) -> None:
    """The domain's week.<day> is the form's to_<day>; whatever is wrong with a single day stands at its list."""
    moved = []
    for issue in error.details:
        parts = issue.field.split(".")
        field = (
            f"to_{parts[1]}" if parts[0] == "week" and len(parts) > 1 else "days" if parts[0] == "days" else issue.field
        )
        moved.append(Issue(field, issue.message, issue.values))
    inputs.onto(form, Invalid(error.message, details=tuple(moved), **error.values))


def _calendar_page(form: FlaskForm, status: int = 200) -> ResponseReturnValue:
    windows, now = windows_of(db.session()), clock.now()
    page = render_template(
        "settings/calendar.html", form=form, weekdays={day: _(word) for day, word in WEEKDAYS.items()},
        waiting=_waiting(CALENDAR), is_open=windows.is_open(now), next_open=windows.next_open(now), coming=_coming(windows),
    )  # fmt: skip
    return make_response(page, status)


def _coming(windows: Windows) -> list[tuple[date, str, str]]:
    """The days of a year ahead that are not like their weekday: (day, hours or empty, name)."""
    today, found = clock.today(windows.zone), []
    named = {one.day: one.name for one in hours.present(db.session()).days}
    for ahead in range(AHEAD):
        day = today + timedelta(days=ahead)
        span = windows.of_day(day)
        if span == windows.week.get(day.weekday()) and day not in named:
            continue
        known = holidays.of_year(windows.country, day.year, current_language())
        morrow = day + timedelta(days=1)
        eve = holidays.of_year(windows.country, morrow.year, current_language()).get(morrow, "")
        name = named.get(day) or known.get(day) or (_("Eve of %(name)s", name=eve) if eve else "")
        found.append((day, f"{span[0]:%H:%M}–{span[1]:%H:%M}" if span else "", name))
    return found
