"""The forecast of the month that runs: who stands where, who is nearest, and how many will qualify as past months tell."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Forbidden, NotFound
from app.core.page import Ask
from app.domain.access.models import Organisation
from app.domain.bank import forecast, programmes, qualification
from app.domain.bank.models import Programme
from app.domain.bank.programmes import ProgrammeInput
from tests.domain.bank.conftest import Take
from tests.domain.bank.feed import Feed, record
from tests.factories import people

PLENTY, SCARCE, LOW = "20000.00", "15100.00", "14000.00"
Days = Mapping[str, list[str | None]]


def told(month: date, amounts: Days) -> Feed:
    """Every customer's days from the first of a month on."""
    days: dict[str, list[object]] = {}
    for customer, given in amounts.items():
        for number, amount in enumerate(given, 1):
            if amount is not None:
                day = month.replace(day=number).isoformat()
                days.setdefault(day, []).append(record(customer, day, amount))
    return Feed(days)  # type: ignore[arg-type]


def november(take: Take, amounts: Days, last: int) -> None:
    take(told(date(2026, 11, 1), amounts), date(2026, 11, 1), date(2026, 11, last))


def over(
    session: Session, programme: Programme, take: Take, officer: Actor, month: date, days: int, amounts: Days
) -> None:
    """A month that is over, calculated."""
    take(told(month, amounts), month, month.replace(day=days))
    run = qualification.start(session, programme.id, month, by=officer)
    qualification.calculate(session, run.id)
    session.flush()


@pytest.fixture
def running(session: Session, programme: Programme, take: Take) -> None:
    """The fifth of November: on track, close to the threshold, with a gap, lost by 1,000 and by 5,000, never heard of."""
    people.contacts(session, 6)
    amounts: Days = {
        "0": [PLENTY] * 5, "1": [*[PLENTY] * 4, SCARCE], "2": [PLENTY, None, *[PLENTY] * 3],
        "3": [*[PLENTY] * 4, LOW], "4": ["10000.00", *[PLENTY] * 4],
    }  # fmt: skip
    november(take, amounts, 5)


def test_everybody_stands_somewhere(session: Session, programme: Programme, officer: Actor, running: None) -> None:
    found = forecast.read(session, programme.id, by=officer)
    assert (found.month, found.day, found.customers) == (date(2026, 11, 1), date(2026, 11, 5), 6)
    assert found.counts == {"on_track": 1, "at_risk": 2, "lost": 2, "unknown": 1}
    assert (found.expected, found.months, found.error) == (None, 0, None), "no past month says anything"


def test_the_nearest_come_first_page_by_page(
    session: Session, programme: Programme, officer: Actor, running: None
) -> None:
    first = forecast.listed(session, programme.id, "lost", Ask(per_page=1), by=officer)
    assert [(one.external_id, one.distance, one.first_below) for one in first.items] == [
        ("3", Decimal("1000.00"), date(2026, 11, 5))
    ]
    second = forecast.listed(session, programme.id, "lost", Ask(first.next, 1), by=officer)
    assert [(one.external_id, one.distance) for one in second.items] == [("4", Decimal("5000.00"))]
    assert second.next is None
    risky = forecast.listed(session, programme.id, "at_risk", Ask(), by=officer).items
    assert [(one.external_id, one.distance) for one in risky] == [("1", Decimal("100.00")), ("2", Decimal("5000.00"))]


@pytest.mark.parametrize(
    ("rule", "standing"),
    [
        ({"rule": "at_least", "days": 29}, "at_risk"),
        ({"rule": "at_least", "days": 30}, "lost"),
        ({"rule": "average"}, "at_risk"),
    ],
)
def test_a_day_below_loses_only_what_it_must(
    session: Session, organisation: Organisation, take: Take, officer: Actor, rule: dict[str, object], standing: str
) -> None:
    new = ProgrammeInput.model_validate({"name": "Other", **rule})
    other = programmes.create(session, new, by=system(organisation.id))
    people.contacts(session, 1)
    november(take, {"0": [LOW, PLENTY, PLENTY]}, 3)
    assert forecast.read(session, other.id, by=officer).counts[standing] == 1


def test_before_the_first_day_there_is_nothing_to_tell(session: Session, programme: Programme, officer: Actor) -> None:
    found = forecast.read(session, programme.id, by=officer)
    assert (found.day, found.customers, found.expected) == (None, 0, None)
    assert forecast.listed(session, programme.id, "lost", Ask(), by=officer).items == []


def test_past_months_say_how_many_of_those_on_track_qualify_and_how_wrong_they_were(
    session: Session, programme: Programme, take: Take, officer: Actor
) -> None:
    """On the second of each month everybody is on track; in September two of four kept it, in October all."""
    people.contacts(session, 4)
    whole, late = [PLENTY] * 30, [*[PLENTY] * 29, LOW]
    over(session, programme, take, officer, date(2026, 9, 1), 30, {"0": whole, "1": whole, "2": late, "3": late})
    with_one = forecast_on_the_second(session, programme, take, officer)
    assert (with_one.rate, with_one.expected, with_one.months, with_one.error) == (0.5, 2, 1, None)
    over(session, programme, take, officer, date(2026, 10, 1), 31, {str(n): [PLENTY] * 31 for n in range(4)})
    found = forecast.read(session, programme.id, by=officer)
    assert (found.rate, found.expected, found.months) == (0.75, 3, 2)
    assert found.error == 0.5, "by September, October would have been two of four"


def test_a_day_that_was_not_taken_puts_nobody_at_risk_and_few_days_foresee_nothing(
    session: Session, programme: Programme, take: Take, officer: Actor
) -> None:
    people.contacts(session, 2)
    over(session, programme, take, officer, date(2026, 10, 1), 31, {str(n): [PLENTY] * 31 for n in range(2)})
    amounts: Days = {"0": [PLENTY] * 7, "1": [*[PLENTY] * 3, LOW, *[PLENTY] * 3]}
    for first, last, known in ((1, 2, 2), (4, 4, 3), (6, 6, 4)):
        take(told(date(2026, 11, 1), amounts), date(2026, 11, first), date(2026, 11, last))
        found = forecast.read(session, programme.id, by=officer)
        assert (found.days, found.known, found.is_thin) == (last, known, False)
        assert found.counts["on_track"] == found.expected == (2 if last < 4 else 1)
        assert found.counts["at_risk"] == 0
    take(told(date(2026, 11, 1), {"0": [PLENTY] * 12}), date(2026, 11, 12), date(2026, 11, 12))
    found = forecast.read(session, programme.id, by=officer)
    assert (found.days, found.known, found.is_thin, found.expected) == (12, 5, True, None)


@pytest.mark.parametrize(
    "asks",
    [
        {}, {"rule": "at_least", "days": 29}, {"rule": "average"}, {"calendar": "carry", "carry_days": 2},
        {"opening": "from"}, {"opening": "never"}, {"rule": "average", "opening": "never"}, {"accounts": ["current"]},
    ],
    ids=str,
)  # fmt: skip
def test_who_was_on_track_in_a_past_month_follows_from_its_outcomes(
    session: Session, organisation: Organisation, take: Take, officer: Actor, asks: dict[str, object]
) -> None:
    """As if the month had been judged once more, after each of its days."""
    asked = programmes.create(
        session, ProgrammeInput.model_validate({"name": "Any", **asks}), by=system(organisation.id)
    )
    people.contacts(session, 8)
    amounts: Days = {
        "0": [PLENTY] * 31, "1": [*[PLENTY] * 9, LOW, *[PLENTY] * 21], "2": [*[PLENTY] * 19, None, *[PLENTY] * 11],
        "3": [*[PLENTY] * 14, *[SCARCE] * 17], "4": [None] * 31, "5": [*[None] * 12, *[PLENTY] * 19],
        "6": [LOW, *[PLENTY] * 20, None, *[PLENTY] * 9],
    }  # fmt: skip
    feed = told(date(2026, 10, 1), amounts)
    for day, rows in feed.records.items():
        rows[:] = [replace(row, opened_on="2026-10-13") if row.external_id == "5" else row for row in rows]
        accounts = ["savings", "current"] if day < "2026-10-20" else ["savings"]
        rows += [
            replace(record("7", day, PLENTY, name=f"{day}{one}"), account=one, account_type=one) for one in accounts
        ]
    take(feed)
    run = qualification.start(session, asked.id, date(2026, 10, 1), by=officer)
    qualification.calculate(session, run.id)
    session.flush()
    version = programmes.current(session, asked)
    for days in range(1, 32):
        by, _days = forecast._asked(session, run.month, version, date(2026, 10, days))
        judged = session.execute(select(forecast._standings(by))).all()
        [(were, _qualified)] = forecast._past(session, asked, date(2026, 11, 1), days)
        assert were == [one.standing for one in judged].count("on_track"), days


def forecast_on_the_second(session: Session, programme: Programme, take: Take, officer: Actor) -> forecast.Forecast:
    november(take, {str(n): [PLENTY] * 2 for n in range(4)}, 2)
    return forecast.read(session, programme.id, by=officer)


def test_a_month_that_is_longer_than_the_one_before_is_compared_with_all_of_it(
    session: Session, programme: Programme, take: Take, officer: Actor
) -> None:
    people.contacts(session, 1)
    with clock.at(datetime(2026, 3, 31, 21, tzinfo=UTC)):
        over(session, programme, take, officer, date(2026, 2, 1), 28, {"0": [PLENTY] * 28})
        march = date(2026, 3, 1)
        with clock.at(datetime(2026, 3, 31, 20, 30, tzinfo=UTC)):
            take(told(march, {"0": [PLENTY] * 31}), march, march.replace(day=31))
            found = forecast.read(session, programme.id, by=officer)
    assert (found.day, found.rate, found.expected) == (date(2026, 3, 31), 1.0, 1)


def test_who_may_not_and_what_is_not(session: Session, programme: Programme, officer: Actor) -> None:
    with pytest.raises(Forbidden):
        forecast.read(session, programme.id, by=people.staff(session, "viewer"))
    with pytest.raises(NotFound):
        forecast.listed(session, officer.organisation_id, "lost", Ask(), by=officer)
