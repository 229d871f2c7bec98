"""Who came to the bank in the month: what its days before that are, as the programme says."""

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.domain.access.models import Organisation
from app.domain.bank import days, evidence, figures, programmes, review
from app.domain.bank.models import Opening
from app.domain.bank.programmes import ProgrammeInput
from app.gateways.corebank.dropped_file import records
from tests.domain.bank.conftest import GOOD, Judge, Take, newest
from tests.domain.bank.feed import Feed, october
from tests.factories import people

CAME = date(2026, 10, 9)


def coming(came: str = "2026-10-09") -> Feed:
    """Two customers: one was there, one came on the ninth, and nothing is told of him before."""
    feed = october({"0": GOOD, "1": [None] * 8 + GOOD[8:]})
    feed.records = {
        day: [replace(row, opened_on=came) if row.external_id == "1" else row for row in rows]
        for day, rows in feed.records.items()
    }
    return feed


@pytest.mark.parametrize(
    ("opening", "expected", "why"),
    [
        ("missing", ("indeterminate", 23, 31, 8), "Days without a value: 8 of 31"),
        ("never", ("not_qualified", 23, 23, 0), "came to the bank on 2026-10-09"),
        ("from", ("qualified", 23, 23, 0), "On every one of 23 days"),
    ],
)
def test_a_month_somebody_came_in_is_judged_as_the_programme_says(
    session: Session,
    organisation: Organisation,
    take: Take,
    judge: Judge,
    officer: Actor,
    opening: Any,
    expected: tuple[str, int, int, int],
    why: str,
) -> None:
    by = system(organisation.id)
    programme = programmes.create(session, ProgrammeInput(name="Premium", opening=opening), by=by)
    people.contacts(session, 2)
    take(coming())
    found = judge(programme)
    one, run = found["1"], newest(session)
    assert (one.outcome, one.days_passed, one.days_required, len(one.missing)) == expected
    assert found["0"].outcome == "qualified"
    assert (one.opened_on, found["0"].opened_on) == (None if opening == "missing" else CAME, None)
    month = days.of_customer(session, run.id, one.contact_id, by=officer)
    assert why in str(month.why)
    assert {day.verdict for day in month.days[:8]} == {"missing" if opening == "missing" else "exempt"}
    reasons = figures.reasons(session, run, by=officer)
    assert reasons["not_qualified"] == ({"opened": 1} if opening == "never" else {})
    assert figures.near(session, run, by=officer) == 0
    inputs = list(evidence.inputs(session, run, by=officer))
    root = ",".join("|".join(str(part) for part in (row[0], row[2], row[1]) if part) for row in inputs)
    assert sha256(root.encode()).hexdigest() == run.input_hash, "what was looked at is told, the day he came with it"


def test_a_day_that_is_told_otherwise_later_makes_the_month_stale(
    session: Session, organisation: Organisation, take: Take, judge: Judge
) -> None:
    programme = programmes.create(session, ProgrammeInput(name="Premium", opening="from"), by=system(organisation.id))
    people.contacts(session, 2)
    take(coming())
    judge(programme)
    run, before = newest(session), newest(session).input_hash
    with clock.at(clock.now() + timedelta(hours=1)):
        take(coming())
        assert not review.is_stale(session, run), "the same was told again"
        take(coming("2026-10-05"))
        assert review.is_stale(session, run)
        assert session.execute(select(Opening.opened_on)).scalar_one() == date(2026, 10, 5)
        assert judge(programme)["1"].outcome == "indeterminate"
        assert newest(session).input_hash != before


@pytest.mark.parametrize("said", ["soon", "", "2026-31-12", "2027-01-01", "null"])
def test_a_day_that_cannot_be_is_no_day(
    session: Session, organisation: Organisation, take: Take, judge: Judge, said: str
) -> None:
    programme = programmes.create(session, ProgrammeInput(name="Premium", opening="never"), by=system(organisation.id))
    people.contacts(session, 2)
    take(coming(said))
    assert session.execute(select(Opening)).first() is None
    assert judge(programme)["1"].outcome == "indeterminate"


def test_a_file_of_balances_may_tell_it() -> None:
    content = b"external_id,date,amount,currency,opened_on\n1,2026-10-09,5.00,ILS,2026-10-09\n2,2026-10-09,5.00,ILS,\n"
    assert [one.opened_on for one in records(content)] == ["2026-10-09", None]
