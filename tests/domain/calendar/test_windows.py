"""Allowed hours: days of the week, eves and holidays, single days, and the hour that is missing or there twice."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.core.actor import system
from app.domain.access.models import Organisation
from app.domain.calendar import hours
from app.domain.calendar.windows import Windows, windows_of

ZONE = ZoneInfo("Asia/Jerusalem")
USUAL = Windows("Asia/Jerusalem")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        ("2026-11-26T10:00", "2026-11-26T10:00"),  # Thursday
        ("2026-11-26T08:59", "2026-11-26T09:00"),
        ("2026-11-26T19:30", "2026-11-27T09:00"),  # the end belongs to the night
        ("2026-11-27T12:59", "2026-11-27T12:59"),  # Friday until noon
        ("2026-11-27T13:00", "2026-11-29T09:00"),  # then Sunday
        ("2026-11-28T04:46", "2026-11-29T09:00"),  # on a Saturday before dawn
        ("2026-09-11T12:00", "2026-09-11T12:00"),  # eve of Rosh Hashanah, a Friday
        ("2026-09-11T14:00", "2026-09-14T09:00"),  # two days of holiday
        ("2026-09-20T14:00", "2026-09-22T09:00"),  # eve of Yom Kippur is a Sunday: hours of a Friday
        ("2026-09-20T11:00", "2026-09-20T11:00"),
        ("2026-04-20T14:00", "2026-04-23T09:00"),  # eve of Remembrance Day, Remembrance Day, Independence Day
    ],
)
def test_when_it_goes(asked: str, goes: str) -> None:
    assert USUAL.next_open(at(asked)) == at(goes)
    assert USUAL.is_open(at(asked)) is (asked == goes)


def test_when_it_closes() -> None:
    assert USUAL.closes_at(at("2026-11-26T10:00")) == at("2026-11-26T19:30")
    assert USUAL.closes_at(at("2026-11-26T20:00")) is None


def test_a_single_day_wins_over_a_holiday_and_the_week() -> None:
    own = Windows("Asia/Jerusalem", days={date(2026, 9, 21): (time(10), time(11)), date(2026, 11, 26): None})
    assert own.is_open(at("2026-09-21T10:30"))
    assert own.next_open(at("2026-11-26T10:00")) == at("2026-11-27T09:00")


def test_nothing_allowed_is_said() -> None:
    assert Windows("Asia/Jerusalem", week={}).next_open(at("2026-11-26T10:00")) is None


@pytest.mark.parametrize("day", ["2026-03-27", "2026-10-25"], ids=["an hour is missing", "an hour is there twice"])
def test_a_day_of_another_length_opens_at_its_own_hour(day: str) -> None:
    night = Windows("Asia/Jerusalem", week=dict.fromkeys(range(7), (time(1), time(3))), country="")
    opens = night.next_open(at(f"{day}T00:30"))
    assert opens == at(f"{day}T01:00")
    closes = night.closes_at(at(f"{day}T01:00"))
    assert closes == at(f"{day}T03:00")


def test_all_day_has_no_gap() -> None:
    always = Windows("Asia/Jerusalem", week=dict.fromkeys(range(7), (time(0), time(23, 59))), country="")
    for moment in ("2026-11-28T23:59:59.999999", "2026-11-29T00:00:00", "2026-03-27T02:30:00"):
        assert always.is_open(at(moment))


def test_what_was_kept_is_what_counts(session: Session, organisation: Organisation) -> None:
    given = {
        "week": {"5": {"opens": "20:00", "closes": "22:00"}}, "holidays": "",
        "days": [{"day": "2026-11-29", "name": "Inventory"}, {"day": "2026-12-01", "hours": {"opens": "10:00", "closes": "11:00"}}],
    }  # fmt: skip
    hours.keep(session, hours.CalendarInput.model_validate(given), by=system(organisation.id))
    kept = windows_of(session)
    assert kept.next_open(at("2026-11-28T10:00")) == at("2026-11-28T20:00")
    assert kept.next_open(at("2026-11-28T22:00")) == at("2026-12-01T10:00")
    assert hours.present(session).model_dump(mode="json", exclude_none=True)["days"][0]["name"] == "Inventory"


@pytest.mark.parametrize(
    "given",
    [
        {"week": {"0": {"opens": "10:00", "closes": "09:00"}}},
        {"week": {"7": {"opens": "09:00", "closes": "10:00"}}},
        {"week": {}, "days": [{"day": "2026-11-29"}, {"day": "2026-11-29"}]},
        {"week": {}, "holidays": "XX"},
        {"week": {}, "days": [{"day": "2026-02-30"}]},
    ],
    ids=["backwards", "an eighth day", "twice", "an unknown country", "no such day"],
)
def test_what_cannot_be_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        hours.CalendarInput.model_validate(given)
