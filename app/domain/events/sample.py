"""Made-up events, for a demonstration and for measuring."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, require
from app.core.sql import changed, load
from app.core.unit import actor_of
from app.domain.events.tracking import make_room

_SQL = load("events/queries.sql")
AT_ONCE = 500_000


def make_up(
    open_unit: Callable[[], AbstractContextManager[Session]], events: int, *, people: int, days: int = 60, by: Actor
) -> int:
    """Make up events of the first `people` contacts over the last `days`, in units of half a million; how many."""
    require(by, "events:track")
    now, made = clock.now(), 0
    for first in range(0, events, AT_ONCE):
        with open_unit() as session:
            make_room(session, now, {f"{now - timedelta(days=n):%Y-%m}" for n in range(days + 1)})
            values = {
                "organisation": actor_of(session).organisation_id, "now": now, "seconds": days * 86400, "people": people,
                "first": first, "last": min(first + AT_ONCE, events) - 1,
            }  # fmt: skip
            made += changed(session, _SQL["make_up"], values)
    return made
