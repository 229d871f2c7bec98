"""Allowed hours: whether marketing may go out now, and when it may next, here and where a person is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.unit import actor_of
from app.domain.access.keyring import organisation_of
from app.domain.calendar import holidays
from app.domain.calendar.models import Calendar

FURTHEST = 60  # days that are looked ahead
FRIDAY = 4
Span = tuple[time, time]

# Where an organisation has said nothing: Sunday to Thursday by day, Friday and eves until noon, nothing on Shabbat and holidays.
WEEK: Mapping[int, Span] = {
    **dict.fromkeys((6, 0, 1, 2, 3), (time(9), time(19, 30))),
    FRIDAY: (time(9), time(13)),
}
COUNTRY = "IL"


@dataclass(frozen=True)
class Windows:
    """The hours in which marketing may go out: by the day of the week (Monday is 0), by holidays, by single days.

    A single day wins over a holiday, a holiday over the week. A day without a span is closed; the eve of a holiday has the
    hours of a Friday. Elsewhere (`zone` of a question) the hours are those of the clocks there; but while the organisation
    rests, from when the eve of a closed day closes here until that day is over, nothing goes out anywhere.
    """

    zone: str
    week: Mapping[int, Span] = field(default_factory=lambda: dict(WEEK))
    country: str = COUNTRY
    days: Mapping[date, Span | None] = field(default_factory=dict)

    def of_day(self, day: date) -> Span | None:
        """The hours of one day, local time; None if it is closed."""
        if day in self.days:
            return self.days[day]
        if day in holidays.of_year(self.country, day.year):
            return None
        usual, morrow = self.week.get(day.weekday()), day + timedelta(days=1)
        if usual and morrow in holidays.of_year(self.country, morrow.year):
            return self._earlier(usual)
        return usual

    def is_holiday(self, day: date) -> bool:
        """True for a holiday, and for a single day that was closed; an ordinary Saturday is none."""
        if day in self.days:
            return self.days[day] is None
        return day in holidays.of_year(self.country, day.year)

    def _earlier(self, usual: Span) -> Span | None:
        eve = self.week.get(FRIDAY)
        if eve is None:
            return None
        opens, closes = max(usual[0], eve[0]), min(usual[1], eve[1])
        return (opens, closes) if opens < closes else None

    def spans(self, moment: datetime, zone: str | None = None) -> Iterator[tuple[datetime, datetime]]:
        """The windows that have not closed at a moment, the next first, as far as FURTHEST days ahead."""
        there = self.place(zone)
        first = moment.astimezone(there).date()
        for ahead in range(FURTHEST):
            day = first + timedelta(days=ahead)
            span = self.of_day(day)
            if span:
                opens, closes = datetime.combine(day, span[0], there).astimezone(UTC), _end(day, span[1], there)
                yield from (awake for awake in self._awake(opens, closes) if awake[1] > moment)

    def place(self, zone: str | None) -> ZoneInfo:
        """The zone of a person; the organisation's where he has none, or one that this machine does not know."""
        try:
            return ZoneInfo(zone or self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo(self.zone)

    def _awake(self, opens: datetime, closes: datetime) -> Iterator[tuple[datetime, datetime]]:
        """What the rests of the organisation leave of a window."""
        here = ZoneInfo(self.zone)
        day, last = opens.astimezone(here).date(), closes.astimezone(here).date() + timedelta(days=1)
        while day <= last:
            if self.of_day(day) is None:
                eve, end = self.of_day(day - timedelta(days=1)), _end(day, time.max, here)
                rests = _end(day - timedelta(days=1), eve[1] if eve else time.max, here)
                if opens < min(rests, closes):
                    yield opens, min(rests, closes)
                opens = max(opens, end)
            day += timedelta(days=1)
        if opens < closes:
            yield opens, closes

    def is_open(self, moment: datetime, zone: str | None = None) -> bool:
        """True if marketing may go out at this moment."""
        return self.next_open(moment, zone) == moment

    def next_open(self, moment: datetime, zone: str | None = None) -> datetime | None:
        """The first moment from this one on at which it may go out; None if there is none in FURTHEST days."""
        found = next(self.spans(moment, zone), None)
        return max(moment, found[0]).astimezone(moment.tzinfo) if found else None

    def closes_at(self, moment: datetime, zone: str | None = None) -> datetime | None:
        """When the window that is open at a moment closes; None if none is open."""
        found = next(self.spans(moment, zone), None)
        return found[1].astimezone(moment.tzinfo) if found and found[0] <= moment else None


def _end(day: date, closes: time, zone: ZoneInfo) -> datetime:
    """When a day's window closes; the last minute of a day is its midnight, so that 00:00 to 23:59 has no gap.

    An hour that is missing that day, or there twice, is none to be late in: it closes at the earlier of the two it may mean.
    """
    if closes >= time(23, 59):
        return datetime.combine(day + timedelta(days=1), time(0), zone).astimezone(UTC)
    found = datetime.combine(day, closes, zone)
    return min(found.astimezone(UTC), found.replace(fold=1).astimezone(UTC))


def windows_of(session: Session) -> Windows:
    """The allowed hours of the session's organisation."""
    zone = organisation_of(session).timezone
    kept = session.execute(
        select(Calendar).where(Calendar.organisation_id == actor_of(session).organisation_id)
    ).scalar_one_or_none()
    if kept is None:
        return Windows(zone)
    return Windows(
        zone,
        {int(day): (time.fromisoformat(span[0]), time.fromisoformat(span[1])) for day, span in kept.week.items()},
        kept.holidays,
        {date.fromisoformat(one["day"]): _span(one) for one in kept.days},
    )


def _span(one: Mapping[str, str | None]) -> Span | None:
    opens, closes = one.get("opens"), one.get("closes")
    return (time.fromisoformat(opens), time.fromisoformat(closes)) if opens and closes else None
