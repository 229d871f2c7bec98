"""Who qualified: every day counts, a missing day is not a day below, and the reason stands with the outcome."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Conflict, Forbidden, Invalid
from app.domain.access.models import Organisation
from app.domain.bank import outcomes, programmes, qualification
from app.domain.bank.models import Outcome, Programme, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from tests.domain.bank.conftest import FIRST, LAST, Judge, Take, newest
from tests.domain.bank.feed import october, record
from tests.factories import people

GOOD = "15000.00"
HIGH = [GOOD] * 31


def with_day(number: int, amount: str | None) -> list[str | None]:
    return [amount if n == number else GOOD for n in range(1, 32)]


def customers(session: Session, *numbers: str) -> None:
    people.contacts(session, len(numbers), prefix="")


@pytest.mark.parametrize(
    ("month", "outcome"),
    [
        (HIGH, "qualified"),
        (with_day(9, "14999.99"), "not_qualified"),
        (with_day(9, "-20.00"), "not_qualified"),
        (with_day(9, None), "indeterminate"),
        ([None, "14999.99", *HIGH[2:]], "not_qualified"),
        ([None] * 31, "indeterminate"),
    ],
    ids=[
        "exactly the threshold",
        "one day below",
        "below zero",
        "one day missing",
        "one below and one missing",
        "no data",
    ],
)
def test_a_single_bad_day_loses_the_month_and_a_missing_one_asks_a_person(
    session: Session, programme: Programme, take: Take, judge: Judge, month: list[str | None], outcome: str
) -> None:
    customers(session, "0")
    take(october({"0": month}))
    assert judge(programme)["0"].outcome == outcome


def test_the_reason_stands_with_the_outcome(
    session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    customers(session, "0", "1")
    take(october({"0": [*with_day(9, "12000.50")[:20], None, *HIGH[21:]], "1": with_day(17, None)}))
    found = judge(programme)
    assert _facts(found["0"]) == (29, 31, 1, date(2026, 10, 9), Decimal("12000.50"))
    assert _facts(found["1"]) == (30, 31, 1, None, None)
    run = newest(session)
    assert found["1"].missing == [date(2026, 10, 17)]
    assert run.totals == {"customers": 2, "qualified": 0, "not_qualified": 1, "indeterminate": 1}


def _facts(one: Outcome) -> tuple[int, int, int, date | None, Decimal | None]:
    return one.days_passed, one.days_required, len(one.missing), one.first_below, one.below_amount


def test_a_duplicate_does_not_hide_a_missing_day(
    session: Session, programme: Programme, take: Take, judge: Judge
) -> None:
    customers(session, "0")
    feed = october({"0": with_day(17, None)})
    feed.records["2026-10-18"].append(record("0", "2026-10-18", GOOD))
    take(feed)
    assert judge(programme)["0"].outcome == "indeterminate"


def test_a_value_is_carried_over_as_many_days_as_the_programme_says(
    session: Session, organisation: Organisation, take: Take, judge: Judge
) -> None:
    new = ProgrammeInput(name="Carried", calendar="carry", carry_days=2)
    programme = programmes.create(session, new, by=system(organisation.id))
    customers(session, "0", "1")
    take(october({"0": [*HIGH[:9], None, None, *HIGH[11:]], "1": [*HIGH[:9], None, None, None, *HIGH[12:]]}))
    found = judge(programme)
    assert (found["0"].outcome, found["1"].outcome, found["1"].missing) == (
        "qualified",
        "indeterminate",
        [date(2026, 10, 12)],
    )


def test_a_day_on_which_nothing_was_kept_is_no_later_than_the_month(
    session: Session, programme: Programme, officer: Actor
) -> None:
    with pytest.raises(Invalid, match="not over"):
        qualification.start(session, programme.id, date(2026, 11, 1), by=officer)


def test_a_run_waits_for_balances_that_are_on_their_way(session: Session, programme: Programme, officer: Actor) -> None:
    from app.domain.bank import balances

    balances.ask(session, FIRST, FIRST, by=officer)
    with pytest.raises(Conflict, match="being taken"):
        qualification.start(session, programme.id, FIRST, by=officer)


def test_the_same_input_gives_the_same_hash_and_a_correction_another(
    session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    customers(session, "0")
    take(october({"0": with_day(12, "14000.00")}))
    assert judge(programme)["0"].outcome == "not_qualified"
    first = newest(session)
    judge(programme)
    again = newest(session)
    assert (again.input_hash, again.version, first.state) == (first.input_hash, 2, "superseded")
    corrected = october({"0": with_day(12, "14000.00")})
    corrected.records["2026-10-13"].append(record("0", "2026-10-12", GOOD, version=2))
    take(corrected)
    assert judge(programme)["0"].outcome == "qualified"
    third = newest(session)
    assert third.input_hash != first.input_hash
    [became] = outcomes.compare(session, third.id, again.id, by=officer)
    assert (became.before, became.after, became.count) == ("not_qualified", "qualified", 1)


def test_who_may_only_look_starts_nothing(session: Session, programme: Programme) -> None:
    with pytest.raises(Forbidden):
        qualification.start(session, programme.id, FIRST, by=people.staff(session, "auditor"))


def test_a_month_that_has_ended_is_calculated_by_itself_once_all_its_days_are_there(
    session: Session, programme: Programme, take: Take
) -> None:
    people.contacts(session, 1)
    with clock.at(datetime(2026, 11, 2, 9, tzinfo=UTC)):
        take(october({"0": HIGH}), FIRST, date(2026, 10, 30))
        qualification.schedule(session)
        assert qualification.waiting(session) == [], "a day is not there yet"
        take(october({"0": HIGH}), LAST, LAST)
        qualification.schedule(session)
        qualification.schedule(session)
        [run_id] = qualification.waiting(session)
    assert session.get_one(QualificationRun, run_id).created_by is None
    with clock.at(datetime(2026, 12, 9, 9, tzinfo=UTC)):
        qualification.schedule(session)
        assert len(qualification.waiting(session)) == 1, "not weeks later, behind an officer's back"
