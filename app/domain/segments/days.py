"""Calendar days: what "the last three months" means on a given day, and where a day begins in a zone."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_MONTHS = {"months": 1, "years": 12}
_DAYS = {"days": 1, "weeks": 7}
_FIRST, _LAST = 1900, 2199  # further off, time zones and years of four digits end


def shifted(day: date, number: int, unit: str) -> date:
    """The day so many units later (earlier when negative); the 31st becomes the last day of a shorter month."""
    if unit in _DAYS:
        return day + timedelta(days=number * _DAYS[unit])
    months = day.year * 12 + day.month - 1 + number * _MONTHS[unit]
    year, month = divmod(min(max(months, _FIRST * 12), _LAST * 12), 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def begin(day: date, zone: str) -> datetime:
    """The moment a day begins in a zone, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def day_of(moment: datetime, zone: str) -> date:
    """The day of a moment in a zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def anniversaries(day: date, number: int, unit: str) -> list[str]:
    """Months and days (`12-31`) from a day through so many units later; 29 February is kept on the 28th of common years."""
    last = min(shifted(day, number, unit), day + timedelta(days=365))
    days = [day + timedelta(days=n) for n in range((last - day).days + 1)]
    found = {f"{one:%m-%d}" for one in days}
    if any(one.month == 2 and one.day == 28 and not calendar.isleap(one.year) for one in days):
        found.add("02-29")
    return sorted(found)
