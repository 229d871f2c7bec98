"""Moments as people type them: the organisation's local time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app.core.db import db
from app.core.errors import Invalid, mark
from app.domain.access.keyring import organisation_of


def local(moment: datetime) -> datetime:
    """A moment as it is typed."""
    return moment.astimezone(_zone()).replace(tzinfo=None)


def _zone() -> ZoneInfo:
    return ZoneInfo(organisation_of(db.session()).timezone)


def utc(local: datetime, field: str) -> datetime:
    """The moment in UTC. Raises Invalid for an hour that the clock leaps over in spring: it does not exist."""
    zone = _zone()
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local:
        raise Invalid.field(field, mark("This hour does not exist: the clock leaps over it that night."))
    return moment
