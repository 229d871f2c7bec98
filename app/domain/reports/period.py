"""The days a reader looks at: so many up to today, or from a day to a day, both included, by the organisation's calendar."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.core import clock
from app.core.errors import Invalid, Issue, mark

CHOICES = (7, 14, 30, 90)
USUAL = 14
LONGEST = 366
FIRST_YEAR = 2000
_NO_DATE = mark("This is not a date. Write it as 2026-12-31.")


@dataclass(frozen=True)
class Period:
    """From the first day to the last; `number` is how many days up to today were asked for, 0 when the days were named."""

    first: date
    last: date
    zone: str
    number: int = 0

    @property
    def start(self) -> datetime:
        """The first moment."""
        return self._begin(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self._begin(self.last + timedelta(days=1))

    @property
    def starts(self) -> list[datetime]:
        """The first moment of every day of it: a day may have 23 or 25 hours."""
        return [self._begin(day) for day in self.days]

    def _begin(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.zone))

    @property
    def days(self) -> Iterator[date]:
        """Every day of it."""
        return (self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))


def usual(zone: str, number: int = USUAL) -> Period:
    """So many days up to today."""
    today = clock.today(zone)
    return Period(today - timedelta(days=number - 1), today, zone, number)


def read(zone: str, *, days: str = "", first: str = "", last: str = "") -> Period:
    """The period that was asked for in words. Raises Invalid, with what is wrong at `days`, `from` or `to`."""
    if not (first or last):
        if not days:
            return usual(zone)
        if not (days.isascii() and days.isdigit() and 1 <= int(days[:9]) <= LONGEST):
            raise Invalid.field("days", mark("This is not a number of days from 1 to %(most)s."), most=LONGEST)
        return usual(zone, int(days))
    wrong = [Issue(name, _NO_DATE) for name, said in (("from", first), ("to", last))
             if said and _day(said) is None]  # fmt: skip
    if wrong:
        raise Invalid(wrong[0].message, details=tuple(wrong))
    end = _day(last) or clock.today(zone)
    begin = _day(first) or end - timedelta(days=USUAL - 1)
    if begin > end:
        raise Invalid.field("from", mark("The first day is after the last."))
    if (end - begin).days >= LONGEST:
        raise Invalid.field("from", mark("This is too long: %(most)s days at most."), most=LONGEST)
    return Period(begin, end, zone)


def one(zone: str, said: str) -> Period:
    """A single day, today unless it is named. Raises Invalid, with what is wrong at `on`."""
    day = _day(said) if said else clock.today(zone)
    if day is None:
        raise Invalid.field("on", _NO_DATE)
    return Period(day, day, zone)


def _day(said: str) -> date | None:
    try:
        day = date.fromisoformat(said.strip())
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year < 2200 else None
