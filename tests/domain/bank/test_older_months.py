"""Months of long ago: their room is made when they are asked for, as far back as balances are kept."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.core.actor import Actor
from app.core.errors import Invalid
from app.domain.bank import balances, qualification
from app.domain.bank.models import Balance, Programme
from tests.domain.bank.conftest import Take, newest
from tests.domain.bank.feed import Feed, record
from tests.factories import people

GOOD = "15000.00"
LAST_YEAR = date(2025, 10, 1)  # 13 months before November 2026


def test_a_month_of_last_year_is_taken_and_calculated(
    session: Session, programme: Programme, take: Take, officer: Actor
) -> None:
    people.contacts(session, 1)
    days = [date(2025, 10, n).isoformat() for n in range(1, 32)]
    take(Feed({day: [record("0", day, GOOD)] for day in days}), LAST_YEAR, date(2025, 10, 31))
    run = qualification.start(session, programme.id, LAST_YEAR, by=officer)
    qualification.calculate(session, run.id)
    session.flush()
    assert newest(session).totals == {"customers": 1, "qualified": 1, "not_qualified": 0, "indeterminate": 0}


def test_two_months_are_asked_for_at_once_and_again(session: Session, officer: Actor) -> None:
    for _ in range(2):
        balances.ask(session, date(2026, 1, 15), date(2026, 2, 15), by=officer)
    made = "SELECT count(*) FROM pg_inherits WHERE inhrelid IN ('balances_2026_01'::regclass, 'balances_2026_02'::regclass)"
    assert session.execute(text(made)).scalar_one() == 2


def test_what_is_older_is_refused(session: Session, officer: Actor) -> None:
    with pytest.raises(Invalid, match="13 months"):
        balances.ask(session, date(2025, 9, 30), date(2025, 9, 30), by=officer)


def test_a_correction_of_a_month_nobody_has_asked_for_finds_room(session: Session, take: Take) -> None:
    people.contacts(session, 1)
    day = date(2026, 10, 9)
    take(Feed({"2026-10-09": [record("0", "2026-03-09", "1.00", version=2)]}), day, day)
    assert session.execute(select(Balance.day, Balance.amount)).all() == [(date(2026, 3, 9), Decimal("1.00"))]


def test_a_partition_is_read_by_nobody_but_through_its_table(session: Session, officer: Actor) -> None:
    balances.ask(session, date(2026, 1, 15), date(2026, 1, 15), by=officer)
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text("SELECT count(*) FROM balances_2026_01"))


def test_nobody_makes_partitions_without_end(session: Session) -> None:
    with pytest.raises(Exception, match="no balances are kept"), session.begin_nested():
        session.execute(text("SELECT ensure_balances('1999-12-01')"))
