"""The organisation's own allowed hours: looked at, checked, kept. Two people decide on them (approvals/settings.py)."""

from collections.abc import Mapping
from datetime import date, time
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import mark
from app.core.nouns import Happening
from app.domain.audit import trail
from app.domain.calendar.models import Calendar
from app.domain.calendar.windows import WEEK

MOST_DAYS = 400
Weekday = Literal["0", "1", "2", "3", "4", "5", "6"]
DAYS: dict[Weekday, str] = {
    "6": "sunday", "0": "monday", "1": "tuesday", "2": "wednesday", "3": "thursday", "4": "friday", "5": "saturday",
}  # fmt: skip


class HoursChanged(Happening):
    """Other allowed hours are in force; `subject` is the organisation."""

    kind = "calendar.changed"


class Hours(BaseModel):
    """From when until when, local time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opens: time
    closes: time

    @model_validator(mode="after")
    def _forward(self) -> "Hours":
        if self.opens >= self.closes:
            raise ValueError(mark("The end has to be later than the beginning."))
        return self

    @property
    def plain(self) -> tuple[str, str]:
        return f"{self.opens:%H:%M}", f"{self.closes:%H:%M}"


class SpecialDay(BaseModel):
    """A day that differs: closed, or open at other hours."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    day: date
    hours: Hours | None = None
    name: str = Field(default="", max_length=80)


class CalendarInput(BaseModel):
    """The allowed hours as a person writes them: by day of the week (Monday is 0), holidays of a country, days that differ."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    week: dict[Weekday, Hours]
    holidays: Literal["IL", ""] = "IL"
    days: tuple[SpecialDay, ...] = Field(default=(), max_length=MOST_DAYS)

    @field_validator("days")
    @classmethod
    def _once(cls, days: tuple[SpecialDay, ...]) -> tuple[SpecialDay, ...]:
        if len({one.day for one in days}) != len(days):
            raise ValueError(mark("A day stands here twice."))
        return tuple(sorted(days, key=lambda one: one.day))


def present(session: Session) -> CalendarInput:
    """The allowed hours as they are now, the default where nothing was said."""
    kept = session.execute(select(Calendar)).scalar_one_or_none()
    if kept is None:
        week = {str(day): {"opens": opens, "closes": closes} for day, (opens, closes) in WEEK.items()}
        return CalendarInput.model_validate({"week": week})
    week = {day: {"opens": opens, "closes": closes} for day, (opens, closes) in kept.week.items()}
    days = [{"day": one["day"], "name": one.get("name", ""), "hours": _hours(one)} for one in kept.days]
    return CalendarInput.model_validate({"week": week, "holidays": kept.holidays, "days": days})


def _hours(one: Mapping[str, str | None]) -> dict[str, str | None] | None:
    return {"opens": one["opens"], "closes": one["closes"]} if one.get("opens") else None


def keep(session: Session, new: CalendarInput, *, by: Actor) -> None:
    """Put other allowed hours in place of the present ones; they count from this moment, also for what is being sent."""
    before = plain(present(session))
    row = session.get(Calendar, by.organisation_id, with_for_update=True) or Calendar(
        organisation_id=by.organisation_id
    )
    row.week = {day: list(span.plain) for day, span in new.week.items()}
    row.holidays, row.days = new.holidays, [_plain_day(one) for one in new.days]
    row.updated_at, row.updated_by = clock.now(), by.id
    session.add(row)
    session.flush()
    subject: tuple[str, UUID] = ("calendar", by.organisation_id)
    trail.record(session, by, "calendar.changed", subject, before=before, after=plain(new))


def _plain_day(one: SpecialDay) -> dict[str, str | None]:
    opens, closes = one.hours.plain if one.hours else (None, None)
    return {"day": one.day.isoformat(), "opens": opens, "closes": closes, "name": one.name}


def plain(given: CalendarInput) -> dict[str, object]:
    """The allowed hours in short words, to be compared and shown: {"week": {"sunday": "09:00-19:30"}, ...}."""
    week = {name: "-".join(given.week[day].plain) if day in given.week else "closed" for day, name in DAYS.items()}
    days = {one.day.isoformat(): "-".join(one.hours.plain) if one.hours else "closed" for one in given.days}
    return {"week": week, "holidays": given.holidays or "none", "days": days}


ALWAYS = CalendarInput.model_validate(
    {"week": {str(day): {"opens": "00:00", "closes": "23:59"} for day in range(7)}, "holidays": ""}
)
