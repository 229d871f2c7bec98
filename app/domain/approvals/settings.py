"""Settings of the organisation that take two people: when marketing may go out, and what the organisation is."""

from uuid import UUID
from zoneinfo import available_timezones

from babel.core import get_global
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.orm import Session

from app.core.actor import Actor, require
from app.core.errors import mark
from app.domain.access.keyring import organisation_of
from app.domain.access.models import Organisation
from app.domain.approvals import changes, decisions
from app.domain.approvals.changes import Change
from app.domain.approvals.models import Approval
from app.domain.audit import trail
from app.domain.calendar import hours
from app.domain.calendar.hours import CalendarInput, HoursChanged
from app.domain.outbox.publish import publish

CALENDAR, ORGANISATION = "calendar", "organisation"
WRITE = "settings:write"


def propose_calendar(session: Session, new: CalendarInput, *, by: Actor) -> Approval | None:
    """Ask for other allowed hours; None if they are the present ones. Raises Forbidden."""
    require(by, WRITE)
    before, after = hours.plain(hours.present(session)), hours.plain(new)
    if before == after:
        return None
    change = Change(
        (CALENDAR, by.organisation_id), organisation_of(session).name, "calendar.change", WRITE,
        values=new.model_dump(mode="json"), before=before, after=after, state=before,
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def carry_out_calendar(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> None:
    """Decide for other allowed hours. Raises NotFound, Conflict (decided, or changed meanwhile), Forbidden, FactorNeeded."""
    approval = decisions.get(session, approval_id)
    values = changes.approve(session, approval, state=hours.plain(hours.present(session)), note=note, by=by)
    hours.keep(session, CalendarInput.model_validate(values), by=by)
    publish(session, HoursChanged(subject=by.organisation_id))


class Growth(BaseModel):
    """How much an approved audience may grow by itself before it is asked for again: both have to be passed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    percent: float = Field(default=5, ge=0, le=100)
    people: int = Field(default=20, ge=0, le=1_000_000)


class Cap(BaseModel):
    """At most so many messages in so many days."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    most: int = Field(ge=1, le=1000)
    days: int = Field(ge=1, le=366)


class Caps(BaseModel):
    """How much marketing one person may get, of all channels together and of each; without one as much as is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    together: Cap | None = None
    sms: Cap | None = None
    email: Cap | None = None


class OrganisationInput(BaseModel):
    """What the organisation is: its name stands in its texts, its zone and currency on every page."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    name: str = Field(min_length=1, max_length=120)
    locale: str = Field(pattern="^(en|he)$")
    timezone: str
    currency: str
    growth: Growth = Growth()
    caps: Caps = Caps()
    days_at_once: int = Field(default=1, ge=1, le=8)  # of balances, asked of the core bank side by side

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise ValueError(mark("There is no such time zone. Write it as Asia/Jerusalem."))
        return zone

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, currency: str) -> str:
        if currency not in get_global("all_currencies"):
            raise ValueError(mark("There is no such currency. Write three letters such as ILS."))
        return currency


def organisation(session: Session) -> OrganisationInput:
    """What the organisation is now."""
    known = organisation_of(session)
    return OrganisationInput(
        name=known.name, locale=known.locale, timezone=known.timezone, currency=known.currency,
        growth=Growth(**known.settings.get("growth", {})), caps=Caps(**known.settings.get("caps", {})),
        days_at_once=known.settings.get("days_at_once", 1),
    )  # fmt: skip


def propose_organisation(session: Session, new: OrganisationInput, *, by: Actor) -> Approval | None:
    """Ask for a change of the organisation; None if nothing is different. Raises Forbidden."""
    require(by, WRITE)
    before, after = organisation(session).model_dump(mode="json"), new.model_dump(mode="json")
    if before == after:
        return None
    changed = [name for name in after if after[name] != before[name]]
    change = Change(
        (ORGANISATION, by.organisation_id), new.name, "organisation.change", WRITE,
        values=after, before={n: before[n] for n in changed}, after={n: after[n] for n in changed}, state=before,
    )  # fmt: skip
    return changes.propose(session, change, by=by)


def carry_out_organisation(session: Session, approval_id: UUID, *, note: str = "", by: Actor) -> None:
    """Decide for a change of the organisation. Raises NotFound, Conflict (decided, or changed meanwhile), Forbidden."""
    approval = decisions.get(session, approval_id)
    before = organisation(session).model_dump(mode="json")
    new = OrganisationInput.model_validate(changes.approve(session, approval, state=before, note=note, by=by))
    row = session.get_one(Organisation, by.organisation_id, with_for_update=True)
    row.name, row.locale, row.timezone, row.currency = new.name, new.locale, new.timezone, new.currency
    row.settings = {**row.settings, **new.model_dump(include={"growth", "caps", "days_at_once"})}
    after = new.model_dump(mode="json")
    trail.record(session, by, "organisation.changed", (ORGANISATION, row.id), before=before, after=after)
    if row.timezone != before["timezone"]:
        publish(session, HoursChanged(subject=row.id))
