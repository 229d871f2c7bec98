"""Gates: each sees what it is there for, warns before it blocks, and compares with nothing where there is nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.domain.access.models import Organisation
from app.domain.bank import programmes, qualification
from app.domain.bank.gates import bound
from app.domain.bank.models import Programme, QualificationRun
from app.domain.bank.programmes import ProgrammeInput
from app.domain.calendar import hours
from app.domain.consent.models import RestrictionFeed
from tests.domain.bank.conftest import FIRST, Judge, Take, newest
from tests.domain.bank.feed import Feed, october, record
from tests.factories import people

GOOD = "15000.00"
HIGH = [GOOD] * 31


def gates(session: Session) -> dict[str, tuple[float, float, str]]:
    found = newest(session).gates or []
    for gate in found:
        is_within = gate["value"] >= gate["limit"] if bound(gate["code"]) == "least" else gate["value"] <= gate["limit"]
        assert is_within or gate["verdict"] != "pass", "what passes is on the side of its limit that is said"
        assert not is_within or gate["verdict"] == "pass" or gate["code"] == "restrictions_fresh"
    return {gate["code"]: (gate["value"], gate["limit"], gate["verdict"]) for gate in found}


def without(number: int) -> list[str | None]:
    return [None if n == number else GOOD for n in range(1, 32)]


@pytest.mark.parametrize(
    ("torn", "expected"),
    [(0, (100.0, 99.5, "pass")), (1, (99.0, 99.5, "warn")), (3, (97.0, 98, "block"))],
    ids=["nobody", "one of a hundred", "three of a hundred"],
)
def test_the_worst_day_warns_before_it_blocks(
    session: Session,
    programme: Programme,
    take: Take,
    judge: Judge,
    torn: int,
    expected: tuple[float, float, str],
) -> None:
    people.contacts(session, 101)  # one has no balance at all: he is no gap of any day
    take(october({str(n): without(17) if n < torn else HIGH for n in range(100)}))
    judge(programme)
    assert gates(session)["worst_day"] == expected
    assert gates(session)["coverage"][2] == "pass"
    assert gates(session)["days_complete"] == (31, 31, "pass")


def test_what_is_carried_over_a_shabbat_is_no_gap(
    session: Session, organisation: Organisation, take: Take, judge: Judge
) -> None:
    carried = programmes.create(
        session, ProgrammeInput(name="Carried", calendar="carry", carry_days=2), by=system(organisation.id)
    )
    people.contacts(session, 2)
    week = [None if date(2026, 10, n).weekday() == 5 else GOOD for n in range(1, 32)]
    take(october({"0": week, "1": week}))
    judge(carried)
    assert gates(session)["coverage"] == (100.0, 98, "pass")
    assert gates(session)["worst_day"][2] == "pass"


@pytest.mark.parametrize(("bad", "verdict"), [(0, "pass"), (1, "warn"), (7, "block")])
def test_records_that_are_no_numbers(
    session: Session, programme: Programme, take: Take, judge: Judge, bad: int, verdict: str
) -> None:
    people.contacts(session, 20)
    feed = october({str(n): HIGH for n in range(20)})
    feed.records["2026-10-20"] += [record(str(n), "2026-10-20", "none", version=2) for n in range(bad)]
    take(feed)
    judge(programme)
    assert gates(session)["bad_format"][2] == verdict


def test_records_that_contradict_each_other_block(
    session: Session, programme: Programme, take: Take, judge: Judge
) -> None:
    people.contacts(session, 1)
    feed = october({"0": HIGH})
    feed.records["2026-10-20"].append(record("0", "2026-10-20", "1.00", name="another"))
    take(feed)
    judge(programme)
    assert gates(session)["conflicts"] == (2, 0, "block")


def test_a_month_that_nobody_has_seen_is_compared_with_nothing(
    session: Session, programme: Programme, take: Take, judge: Judge
) -> None:
    people.contacts(session, 1)
    take(october({"0": HIGH}))
    judge(programme)
    assert set(gates(session)) == {"days_complete", "coverage", "worst_day", "bad_format", "conflicts", "phones"}


def november(
    session: Session,
    programme: Programme,
    take: Take,
    officer: Actor,
    amounts: dict[str, str],
    names: tuple[str, ...] = ("",),
) -> None:
    """A second month, in which everybody has the same every day, in each of his accounts."""
    days = [date(2026, 11, n).isoformat() for n in range(1, 31)]
    feed = Feed({day: [
        replace(record(customer, day, amount, name=f"{customer}{name}{day}"), account=name)
        for customer, amount in amounts.items() for name in names
    ] for day in days})  # fmt: skip
    with clock.at(datetime(2026, 12, 2, 9, tzinfo=UTC)):
        take(feed, date(2026, 11, 1), date(2026, 11, 30))
        run = qualification.start(session, programme.id, date(2026, 11, 1), by=officer)
        qualification.calculate(session, run.id)
        session.flush()


def test_a_month_is_compared_with_the_one_before(
    session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    people.contacts(session, 4)
    take(october({str(n): HIGH for n in range(4)}))
    judge(programme)
    people.contacts(session, 1, start=4)
    november(session, programme, take, officer, {"0": GOOD, "1": GOOD, "2": "1000.00", "3": GOOD, "4": GOOD})
    found = gates(session)
    assert found["mean_shift"] == (18.67, 20, "pass")
    assert found["qualified_band"] == (20.0, 5, "warn")
    assert found["population_drift"] == (25.0, 10, "warn")


def test_a_file_a_hundred_times_too_high_moves_the_mean(
    session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    people.contacts(session, 1)
    take(october({"0": HIGH}))
    judge(programme)
    november(session, programme, take, officer, {"0": "1500000.00"})
    assert gates(session)["mean_shift"] == (9900.0, 20, "warn")
    assert gates(session)["qualified_band"][2] == "pass"


def test_a_bank_that_begins_to_tell_accounts_does_not_move_the_mean(
    session: Session, programme: Programme, take: Take, judge: Judge, officer: Actor
) -> None:
    people.contacts(session, 1)
    take(october({"0": HIGH}))
    judge(programme)
    november(session, programme, take, officer, {"0": "7500.00"}, names=("C1", "C2"))
    assert gates(session)["mean_shift"] == (0.0, 20, "pass")


def test_where_holidays_do_not_count_the_year_has_to_be_decided_on(
    session: Session, organisation: Organisation, take: Take, judge: Judge
) -> None:
    exempt = programmes.create(session, ProgrammeInput(name="Holy", calendar="exempt"), by=system(organisation.id))
    people.contacts(session, 1)
    take(october({"0": HIGH}))
    with clock.at(datetime(2025, 5, 1, 9, tzinfo=UTC)):
        hours.keep(session, hours.ALWAYS, by=system(organisation.id))
    judge(exempt)
    assert gates(session)["calendar_decided"] == (0, 1, "block")
    hours.keep(session, hours.ALWAYS, by=system(organisation.id))
    judge(exempt)
    assert gates(session)["calendar_decided"] == (1, 1, "pass")


def test_customers_without_a_number_that_takes_sms_are_worth_a_look(
    session: Session, programme: Programme, take: Take, judge: Judge
) -> None:
    people.contacts(session, 2)
    session.execute(text("UPDATE contact_addresses SET takes_sms = false WHERE kind = 'phone'"))
    take(october({"0": HIGH, "1": HIGH}))
    judge(programme)
    assert gates(session)["phones"] == (0.0, 97, "warn")


def test_a_month_that_breaks_on_its_data_has_failed_and_can_be_asked_for_again(
    session: Session, programme: Programme, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        session.execute(text("SELECT CAST('1e99' AS numeric(4, 2))"))

    run = qualification.start(session, programme.id, FIRST, by=officer)
    with monkeypatch.context() as patch:
        patch.setattr("app.domain.bank.gates.of_run", broken)
        qualification.calculate(session, run.id)
    session.flush()
    session.expire_all()
    assert (run.state, run.failure, run.totals) == ("failed", qualification.BROKE, None)
    assert qualification.waiting(session) == [], "nobody rings for it again"
    again = qualification.start(session, programme.id, FIRST, by=officer)
    qualification.calculate(session, again.id)
    states = session.execute(select(QualificationRun.state).order_by(QualificationRun.version)).scalars().all()
    assert (again.version, list(states)) == (2, ["failed", "calculated"])


def test_a_database_that_went_away_is_tried_again(
    session: Session, programme: Programme, officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    def away(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    run = qualification.start(session, programme.id, FIRST, by=officer)
    with monkeypatch.context() as patch:
        patch.setattr("app.domain.bank.gates.of_run", away)
        with pytest.raises(OperationalError):
            qualification.calculate(session, run.id)
    assert qualification.waiting(session) == [run.id]


@pytest.mark.parametrize(
    ("fed", "state", "failure", "expected"),
    [
        (23.5, "taken", None, (23.5, 24, "pass")),
        (24.5, "taken", None, (24.5, 24, "block")),
        (20, "queued", "Unavailable: it did not answer", (20, 24, "warn")),
        (20, "refused", "60 of 80 flags would be lifted", (20, 24, "block")),
        (None, "running", None, (30, 24, "block")),
    ],
    ids=["fresh", "old", "on its way again", "refused", "never whole"],
)
def test_the_list_of_restrictions_has_to_be_fresh_and_whole(
    session: Session,
    programme: Programme,
    take: Take,
    judge: Judge,
    fed: float | None,
    state: str,
    failure: str | None,
    expected: tuple[float, float, str],
) -> None:
    people.contacts(session, 1)
    take(october({"0": HIGH}))
    judge(programme)
    assert "restrictions_fresh" not in gates(session), "a bank that never asked for one is bound by none"
    asked, now = timedelta(hours=30), clock.now()
    feed = RestrictionFeed(
        organisation_id=programme.organisation_id, state=state, failure=failure, asked_at=now - asked, due_at=now,
        fed_at=now - timedelta(hours=fed) if fed else None,
    )  # fmt: skip
    session.add(feed)
    session.flush()
    judge(programme)
    assert gates(session)["restrictions_fresh"] == expected
