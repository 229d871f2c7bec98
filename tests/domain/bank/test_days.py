"""One customer's month: every day as the run judged it, by its version of the programme and the balances it could know."""

import random
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import NotFound
from app.domain.access.models import Organisation
from app.domain.bank import days, programmes
from app.domain.bank.days import CustomerMonth, Day
from app.domain.bank.models import Outcome, Programme
from app.domain.bank.programmes import ProgrammeInput
from tests.domain.bank.conftest import Judge, Take, newest
from tests.domain.bank.feed import october, record
from tests.factories import people

GOOD = "15000.00"
HIGH = [GOOD] * 31


def month_of(session: Session, contact_id: UUID, officer: Actor) -> CustomerMonth:
    return days.of_customer(session, newest(session).id, contact_id, by=officer)


def on(month: CustomerMonth, number: int) -> Day:
    return month.days[number - 1]


def test_a_day_is_held_below_or_without_a_value(
    session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    [contact] = people.contacts(session, 1)
    take(october({"0": [GOOD, "14000.00", None, *HIGH[3:]]}))
    judge(programme)
    month = month_of(session, contact, officer)
    assert [one.verdict for one in month.days[:4]] == ["held", "below", "missing", "held"]
    assert on(month, 3).issues == ["missing"]
    assert str(month.why) == "On 2026-10-02 the balance was 14000.00, 1000.00 below the threshold."
    assert month.external_id == "0"


def test_a_value_that_is_carried_says_from_where_also_over_the_first_of_the_month(
    session: Session, organisation: Organisation, take: Take, judge: Judge, officer: Actor
) -> None:
    carried = programmes.create(
        session, ProgrammeInput(name="Carried", calendar="carry", carry_days=2), by=system(organisation.id)
    )
    [contact] = people.contacts(session, 1)
    feed = october({"0": [None, None, *HIGH[2:]]})
    feed.records["2026-10-03"].append(record("0", "2026-09-30", "14000.00"))
    take(feed)
    judge(carried)
    month = month_of(session, contact, officer)
    assert (on(month, 1).verdict, on(month, 1).carried_from) == ("below", date(2026, 9, 30))
    assert (on(month, 2).amount, on(month, 3).carried_from) == (Decimal("14000.00"), None)


def test_a_holiday_does_not_count_where_the_programme_says_so(
    session: Session, organisation: Organisation, take: Take, judge: Judge, officer: Actor
) -> None:
    exempt = programmes.create(session, ProgrammeInput(name="Holy", calendar="exempt"), by=system(organisation.id))
    from app.domain.calendar import hours

    closed = {"day": "2026-10-08", "hours": None}
    hours.keep(
        session,
        hours.ALWAYS.model_copy(update={"days": (hours.SpecialDay.model_validate(closed),)}),
        by=system(organisation.id),
    )
    [contact] = people.contacts(session, 1)
    take(october({"0": [*HIGH[:7], "1.00", *HIGH[8:]]}))
    assert judge(exempt)["0"].outcome == "qualified"
    month = month_of(session, contact, officer)
    assert (on(month, 8).verdict, on(month, 8).amount) == ("exempt", None)


def test_a_value_of_another_currency_is_none(
    session: Session, organisation: Organisation, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    programmes.create(session, ProgrammeInput(name="Dollars", currency="USD"), by=system(organisation.id))
    [contact] = people.contacts(session, 1)
    feed = october({"0": HIGH})
    feed.records["2026-10-05"].append(record("0", "2026-10-05", GOOD, version=2, currency="USD"))
    take(feed)
    judge(programme)
    month = month_of(session, contact, officer)
    assert (on(month, 5).verdict, on(month, 5).is_corrected) == ("missing", True)


def test_a_correction_after_the_run_is_shown_and_changes_no_day_of_it(
    session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    [contact] = people.contacts(session, 1)
    take(october({"0": [*HIGH[:11], "14000.00", *HIGH[12:]]}))
    judge(programme)
    older = newest(session).id
    corrected = october({"0": [*HIGH[:11], "14000.00", *HIGH[12:]]})
    corrected.records["2026-10-13"].append(record("0", "2026-10-12", GOOD, version=2))
    with clock.at(clock.now() + timedelta(hours=1)):
        take(corrected)
        judge(programme)
    before = on(days.of_customer(session, older, contact, by=officer), 12)
    after = on(month_of(session, contact, officer), 12)
    assert (before.verdict, before.amount, [one.version for one in before.versions]) == (
        "below",
        Decimal("14000.00"),
        [2, 1],
    )
    assert (after.verdict, after.amount, after.is_corrected) == ("held", Decimal(GOOD), True)


def test_who_is_not_in_the_run_is_not_found(
    session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    people.contacts(session, 1)
    take(october({"0": HIGH}))
    judge(programme)
    [late] = people.contacts(session, 1, start=1)
    with pytest.raises(NotFound, match="not in the run"):
        month_of(session, late, officer)


def test_the_customers_beside_are_those_of_the_list_at_hand(
    session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    one, two, three = people.contacts(session, 3)
    take(october({"0": HIGH, "1": ["1.00"] * 31, "2": HIGH}))
    judge(programme)
    middle, first = (month_of(session, contact, officer) for contact in (two, one))
    assert days.beside(session, middle, by=officer) == (one, three)
    assert days.beside(session, first, by=officer) == (None, two)
    assert days.beside(session, first, outcome="qualified", by=officer) == (None, three)


@pytest.mark.parametrize("carry", [0, 2])
def test_the_days_add_up_to_what_the_run_says(
    session: Session, organisation: Organisation, take: Take, judge: Judge, officer: Actor, carry: int
) -> None:
    dice = random.Random(carry)
    new = ProgrammeInput(name="Any", calendar="carry" if carry else "value", carry_days=carry)
    programme = programmes.create(session, new, by=system(organisation.id))
    people.contacts(session, 12)
    take(october({str(n): [dice.choice([GOOD, GOOD, "1.00", None]) for _ in range(31)] for n in range(12)}))
    judge(programme)
    for outcome in session.execute(select(Outcome)).scalars().all():
        month = month_of(session, outcome.contact_id, officer)
        assert sum(one.verdict == "held" for one in month.days) == outcome.days_passed
        assert [one.day for one in month.days if one.verdict == "missing"] == outcome.missing
        assert next((one.day for one in month.days if one.verdict == "below"), None) == outcome.first_below
