"""The only reader of time. Aware, UTC; tests and the sandbox may run a fast or fixed clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_source: ContextVar[Callable[[], datetime] | None] = ContextVar("clock", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    source = _source.get()
    return source() if source else datetime.now(UTC)


def today(zone: str) -> date:
    """The calendar date in an IANA zone."""
    return now().astimezone(ZoneInfo(zone)).date()


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Hold the clock at `moment` (for tests)."""
    token = _source.set(lambda: moment)
    try:
        yield
    finally:
        _source.reset(token)


def is_day(value: object) -> bool:
    """True for an ISO date of a year that people and time zones know."""
    try:
        return isinstance(value, str) and len(value) == 10 and 1900 <= date.fromisoformat(value).year < 2200
    except ValueError:
        return False
