"""A count over everything is made once a minute, whoever looks, and says when."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Forbidden
from app.domain.access.models import Organisation
from app.domain.reports import counted, daily, period
from app.domain.reports.models import KeptCount
from tests.factories import people

ZONE = "Asia/Jerusalem"


@pytest.fixture
def by(organisation: Organisation) -> Actor:
    return system(organisation.id)


def said(session: Session) -> list[str]:
    """Everything the session says from now on."""
    heard: list[str] = []
    event.listen(session.connection(), "before_cursor_execute", lambda _c, _k, sql, *_: heard.append(sql))
    return heard


def test_who_looks_within_a_minute_sees_what_was_counted_and_when(session: Session, by: Actor) -> None:
    people.contacts(session, 2)
    began, days = clock.now(), period.usual(ZONE)
    with clock.at(began):
        first = daily.growth(session, days, by=by)
    people.contacts(session, 3, start=2)
    heard = said(session)
    with clock.at(began + timedelta(seconds=59)):
        assert daily.growth(session, days, by=by) == first
        assert [sql for sql in heard if "live.contacts" in sql] == []
    with clock.at(began + timedelta(seconds=60)):
        second = daily.growth(session, days, by=by)
    assert (first.contacts, first.came, first.at) == (2, 2, began)
    assert (second.contacts, second.came, second.at) == (5, 5, began + timedelta(seconds=60))


def test_other_days_are_counted_by_themselves(session: Session, by: Actor) -> None:
    people.contacts(session, 2)
    daily.growth(session, period.usual(ZONE), by=by)
    people.contacts(session, 3, start=2)
    assert daily.growth(session, period.usual(ZONE, 7), by=by).contacts == 5
    assert daily.growth(session, period.usual("Asia/Tokyo"), by=by).contacts == 5


def test_a_clock_that_went_back_shows_nothing_from_the_future(session: Session, by: Actor) -> None:
    days, now = period.usual(ZONE), clock.now()
    with clock.at(now + timedelta(seconds=5)):
        daily.growth(session, days, by=by)
    with clock.at(now):
        assert daily.growth(session, days, by=by).at == now


def test_who_may_not_count_may_not_see_what_was_counted(session: Session, by: Actor) -> None:
    daily.growth(session, period.usual(ZONE), by=by)
    nobody = Actor(by.organisation_id, "key", None, "key", "", frozenset())
    with pytest.raises(Forbidden):
        daily.growth(session, period.usual(ZONE), by=nobody)


def test_what_nobody_asks_for_any_more_is_forgotten(session: Session, by: Actor) -> None:
    session.execute(text("DELETE FROM kept_counts"))
    with clock.at(clock.now() - timedelta(hours=2)):
        daily.growth(session, period.usual(ZONE, 7), by=by)
    daily.growth(session, period.usual(ZONE), by=by)
    assert counted.forget(session) == 1
    assert counted.forget(session) == 0
    assert len(session.execute(select(KeptCount)).all()) == 1
