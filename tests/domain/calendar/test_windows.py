"""Allowed hours: days of the week, eves and holidays, single days, and the hour that is missing or there twice."""

from datetime import UTC, date, datetime, time
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


@pytest.mark.parametrize(
    ("zone", "asked", "goes"),
    [
        ("Asia/Tokyo", "2026-11-26T08:59", "2026-11-26T09:00"),
        ("Asia/Tokyo", "2026-11-26T09:00", "2026-11-26T09:00"),  # two at night in Jerusalem
        ("Asia/Tokyo", "2026-11-26T22:40", "2026-11-27T09:00"),
        ("Asia/Tokyo", "2026-11-27T13:00", "2026-11-29T09:00"),  # Friday closes by the clock there
        ("America/New_York", "2026-11-26T19:00", "2026-11-26T19:00"),  # Friday already in Jerusalem, before Shabbat
        ("America/New_York", "2026-11-27T09:30", "2026-11-29T09:00"),  # there it is morning, here Friday has closed
        ("Pacific/Kiritimati", "2026-11-29T09:00", "2026-11-29T12:00"),  # here Saturday is not over yet
        ("America/New_York", "2026-09-20T12:00", "2026-09-22T09:00"),  # the eve of Yom Kippur has closed here
        ("America/New_York", "2026-09-20T02:00", "2026-09-22T09:00"),
        ("Moon/Crater", "2026-11-26T20:00", "2026-11-27T09:00"),  # a zone that nobody knows is the organisation's
    ],
)
def test_elsewhere_the_hours_are_those_there_and_the_rest_is_that_of_here(zone: str, asked: str, goes: str) -> None:
    there = USUAL.place(zone)
    moment = datetime.fromisoformat(asked).replace(tzinfo=there)
    assert USUAL.next_open(moment, zone) == datetime.fromisoformat(goes).replace(tzinfo=there)
    assert USUAL.is_open(moment, zone) is (asked == goes)


def test_a_rest_that_begins_in_the_middle_of_a_day_elsewhere_ends_it() -> None:
    always = {**dict.fromkeys(range(7), (time(0), time(23, 59)))}
    own = Windows(
        "Pacific/Kiritimati",
        week=always,
        country="",
        days={date(2026, 11, 25): (time(0), time(6)), date(2026, 11, 26): None},
    )
    spans = list(own.spans(datetime(2026, 11, 24, 12, tzinfo=UTC), "UTC"))[:2]
    assert spans[0][1] == datetime(2026, 11, 24, 16, tzinfo=UTC)  # six in the morning of the eve
    assert spans[1][0] == datetime(2026, 11, 27, tzinfo=UTC)  # the day is closed there, too


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2026-03-08", "03:00", "03:30"),  # two to three is missing in New York: two is three
        ("2026-11-01", "02:00", "03:30"),
    ],
    ids=["the hour of the opening is missing", "the night is longer"],
)
def test_elsewhere_an_hour_that_is_missing_opens_when_it_would_be_over(day: str, opens: str, closes: str) -> None:
    night = Windows("Asia/Jerusalem", week=dict.fromkeys(range(7), (time(2), time(3, 30))), country="")
    there = ZoneInfo("America/New_York")
    midnight = datetime.fromisoformat(f"{day}T00:10").replace(tzinfo=there).astimezone(UTC)
    begins, ends = next(night.spans(midnight, "America/New_York"))
    assert [f"{one.astimezone(there):%H:%M}" for one in (begins, ends)] == [opens, closes]


@pytest.mark.parametrize(
    ("day", "closes", "last"),
    [("2026-03-08", time(2, 30), "01:30"), ("2026-11-01", time(1, 30), "01:30")],
    ids=["the hour of the end is missing", "the hour of the end is there twice"],
)
def test_an_end_that_may_be_two_moments_is_the_earlier(day: str, closes: time, last: str) -> None:
    night = Windows("Asia/Jerusalem", week=dict.fromkeys(range(7), (time(0), closes)), country="")
    there = ZoneInfo("America/New_York")
    midnight = datetime.fromisoformat(f"{day}T00:10").replace(tzinfo=there).astimezone(UTC)
    _, ends = next(night.spans(midnight, "America/New_York"))
    assert (f"{ends.astimezone(there):%H:%M}", ends.astimezone(there).fold) == (last, 0)


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
