"""Which names of events there are and how often each was told: right to the hour, and found without reading what was told."""

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.sql import load
from app.core.unit import actor_of
from app.domain.access.models import Organisation
from app.domain.events import listing
from app.domain.events.models import EventHour
from tests.domain.events.conftest import said, tell
from tests.factories import people

pytestmark = pytest.mark.usefixtures("organisation")


def tells(session: Session, name: str, *ages: timedelta) -> None:
    """Somebody does something so long ago, told now."""
    who = {"external_id": "0"}
    tell(session, *(said(name, contact=who, occurred_at=(clock.now() - age).isoformat()) for age in ages))


def names(session: Session) -> dict[str, tuple[int, int]]:
    return {one.name: (one.day, one.month) for one in listing.names(session, by=actor_of(session))}


@pytest.fixture
def busy(session: Session, organisation: Organisation) -> dict[str, tuple[int, int]]:
    people.contacts(session, 1)
    hours, days = timedelta(hours=1), timedelta(days=1)
    tells(session, "login", timedelta(minutes=1), 3 * hours, 5 * hours, 2 * days, 29 * days, 31 * days)
    tells(session, "logout", 4 * days)
    tells(session, "applied", 2 * hours)
    tells(session, "long_ago", 35 * days)
    return {"login": (3, 5), "applied": (1, 1), "logout": (0, 1)}


def test_they_are_right_before_and_after_the_hours_were_counted(
    session: Session, busy: dict[str, tuple[int, int]]
) -> None:
    assert names(session) == busy
    listing.count_hours(session)
    assert session.execute(select(func.sum(EventHour.number))).scalar_one() >= 6
    assert names(session) == busy
    tells(session, "login", timedelta())
    tells(session, "new", timedelta())
    assert names(session) == {**busy, "login": (4, 6), "new": (1, 1)}, "at once"


def test_what_comes_a_little_late_counts_from_the_next_hour_on(
    session: Session, busy: dict[str, tuple[int, int]]
) -> None:
    listing.count_hours(session)
    tells(session, "login", timedelta(hours=4), timedelta(hours=20))
    with clock.at(clock.now() + timedelta(hours=1)):
        listing.count_hours(session)
        listing.count_hours(session)
        assert names(session)["login"][1] == 7


def test_hours_of_more_than_a_month_ago_are_forgotten(session: Session, busy: dict[str, tuple[int, int]]) -> None:
    listing.count_hours(session)
    with clock.at(clock.now() + timedelta(days=27)):
        listing.count_hours(session)
        assert names(session) == {"login": (0, 4), "applied": (0, 1)}
        oldest: datetime = session.execute(select(func.min(EventHour.hour))).scalar_one()
        assert oldest >= clock.now() - timedelta(days=30)


def test_the_names_are_found_by_steps_through_the_index(session: Session, busy: dict[str, tuple[int, int]]) -> None:
    session.execute(
        text("INSERT INTO events (organisation_id, occurred_at, contact_id, name, source, is_verified, received_at)"
             " SELECT :organisation, CAST(:now AS timestamptz) - n * interval '40 seconds', uuidv7(), 'event_' || n % 7, 'api', true, :now"
             " FROM generate_series(1, 20000) AS n"),
        {"organisation": actor_of(session).organisation_id, "now": clock.now()},
    )  # fmt: skip
    listing.count_hours(session)
    session.connection().exec_driver_sql("SELECT refresh_statistics('events')")
    values = {"day": clock.now() - listing.DAY, **listing.span(clock.now())}
    plan = "\n".join(
        session.execute(text(f"EXPLAIN (ANALYZE) {load('events/queries.sql')['names'].text}"), values).scalars()
    )
    scans = re.findall(r"Scan[^\n]* on events_\d{4}_\d{2}[^\n]*actual [^\n]*rows=([\d.]+) loops=(\d+)", plan)
    read = [float(rows) * int(loops) for rows, loops in scans]
    assert read, plan
    assert sum(read) < 2000, f"{sum(read)} of 20,000 were read\n{plan}"
