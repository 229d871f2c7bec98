"""The set-based statement agrees with a plain evaluator that shares no code with it: every rule, calendar and kind of trouble."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from sqlalchemy.orm import Session

from app.core.actor import system
from app.domain.access.models import Organisation
from app.domain.bank import programmes
from app.domain.bank.models import Outcome
from app.domain.bank.programmes import ProgrammeInput
from app.domain.calendar import hours
from tests.domain.bank.conftest import FIRST, LAST, Judge, Take
from tests.domain.bank.feed import Feed, record
from tests.factories import people

CUSTOMERS = 90
GOOD = Decimal("15000.00")
AMOUNTS = [
    GOOD,
    GOOD,
    Decimal("15000.01"),
    Decimal("14999.99"),
    Decimal("0.00"),
    Decimal("-1.05"),
    Decimal("-999999999999999.99"),
    Decimal("999999999999999.99"),
]
CLOSED = (date(2026, 10, 1), date(2026, 10, 10), date(2026, 10, 24), date(2026, 10, 31))
RULES: list[dict[str, object]] = [
    {"rule": "every"},
    {"rule": "at_least", "days": 25},
    {"rule": "at_least", "days": 14},
    {"rule": "average"},
]
CALENDARS: list[dict[str, object]] = [
    {"calendar": "value"},
    {"calendar": "exempt"},
    {"calendar": "carry", "carry_days": 1},
    {"calendar": "carry", "carry_days": 4},
]


OPENINGS: list[dict[str, object]] = [{"opening": "from"}, {"opening": "never"}]


@dataclass
class Told:
    """What a core bank told of one customer and day, version by version: an amount and its currency."""

    day: date
    versions: list[tuple[Decimal, str]] = field(default_factory=list)


@dataclass
class Verdict:
    outcome: str
    passed: int
    missing: list[date]
    first_below: date | None
    below_amount: Decimal | None
    lowest: Decimal | None
    average: Decimal | None


def plainly(told: list[Told], new: ProgrammeInput, came: date | None) -> Verdict:
    """The rule once more, one customer and one day at a time."""
    if came and not (FIRST < came <= LAST and new.opening != "missing"):
        came = None
    last_word = {one.day: one.versions[-1] for one in told if one.versions}
    closed = CLOSED if new.calendar == "exempt" else ()
    month = [day for day in (FIRST + timedelta(days=n) for n in range(31)) if day not in closed]
    seen: dict[date, Decimal] = {}
    for day in month:
        for back in range(new.carry_days + 1):
            amount, currency = last_word.get(day - timedelta(days=back), (None, ""))
            if amount is not None and currency == new.currency:
                seen[day] = amount
                break
    missing = [day for day in month if day not in seen and (came is None or day >= came)]
    below = [day for day in month if day in seen and seen[day] < new.threshold]
    passed = len(seen) - len(below)
    mean = (sum(seen.values()) / len(seen)).quantize(Decimal("0.01"), ROUND_HALF_UP) if seen else None
    no = came is not None and new.opening == "never"
    outcome = "not_qualified" if no else _outcome(new, passed, len(missing), len(below), mean)
    first, amount = (below[0], seen[below[0]]) if below else (None, None)
    return Verdict(outcome, passed, missing, first, amount, min(seen.values(), default=None), mean)


def _outcome(new: ProgrammeInput, passed: int, missing: int, below: int, mean: Decimal | None) -> str:
    if new.rule == "every":
        return "not_qualified" if below else "indeterminate" if missing else "qualified"
    if new.rule == "at_least":
        needed = new.days or 0
        return "qualified" if passed >= needed else "indeterminate" if passed + missing >= needed else "not_qualified"
    if missing:
        return "indeterminate"
    return "qualified" if mean is not None and mean >= new.threshold else "not_qualified"


def a_customer(dice: random.Random, trouble: float) -> list[Told]:
    """A month and the four days before it; each day whole, or with some share of trouble."""
    told = []
    for n in range(-4, 31):
        one = Told(FIRST + timedelta(days=n), [(GOOD, "ILS")])
        if dice.random() < trouble:
            one.versions = [
                (dice.choice(AMOUNTS), dice.choice(["ILS", "ILS", "ILS", "USD"]))
                for _ in range(dice.choice([0, 1, 1, 2, 3]))
            ]
        told.append(one)
    return told


def delivered(customers: dict[str, list[Told]], came: dict[str, date], dice: random.Random) -> Feed:
    """The records as a core bank sends them: a first version with its day or later, corrections on any later day of the month."""
    days: dict[str, list[object]] = {}
    for number, told in customers.items():
        for one in told:
            at = max(one.day, FIRST)
            for version, (amount, currency) in enumerate(one.versions, 1):
                said = record(number, one.day.isoformat(), str(amount), version, currency)
                if number in came and one.day >= came[number]:
                    said = replace(said, opened_on=came[number].isoformat())
                days.setdefault(at.isoformat(), []).append(said)
                at = min(LAST, at + timedelta(days=dice.choice([0, 1, 5])))
    return Feed(days)  # type: ignore[arg-type]


def combinations() -> Iterator[dict[str, object]]:
    for rule in RULES:
        for calendar in CALENDARS:
            yield rule | calendar
    for rule in RULES:
        for opening in OPENINGS:
            yield rule | opening
            yield rule | opening | {"calendar": "exempt"}


@pytest.mark.parametrize("asked", list(combinations()), ids=lambda one: "-".join(str(value) for value in one.values()))
def test_the_statement_and_a_plain_evaluator_agree(
    session: Session, organisation: Organisation, take: Take, judge: Judge, asked: dict[str, object]
) -> None:
    """90 customers with months of every kind: whole, torn in a few places, and of nothing but trouble."""
    dice = random.Random(str(asked))
    closed = tuple(hours.SpecialDay(day=day) for day in CLOSED)
    hours.keep(session, hours.ALWAYS.model_copy(update={"days": closed}), by=system(organisation.id))
    people.contacts(session, CUSTOMERS)
    troubles = [0.0, 0.03, 0.1, 0.1, 0.3, 1.0]
    customers = {str(n): a_customer(dice, troubles[n % 6]) for n in range(CUSTOMERS)}
    programmes.create(session, ProgrammeInput(name="Dollars", currency="USD"), by=system(organisation.id))
    new = ProgrammeInput.model_validate({"name": "Any", **asked})
    programme = programmes.create(session, new, by=system(organisation.id))
    came = {str(n): FIRST + timedelta(days=dice.choice([-40, 0, 1, 9, 20, 30])) for n in range(0, CUSTOMERS, 4)}
    for number, day in came.items():  # some are told of before all the same
        told = customers[number]
        customers[number] = [
            Told(one.day, [] if one.day < day and dice.random() < 0.9 else one.versions) for one in told
        ]
    take(delivered(customers, came, dice))
    known = {
        number: day for number, day in came.items() if any(one.versions for one in customers[number] if one.day >= day)
    }
    found = {number: _verdict(one) for number, one in judge(programme).items()}
    assert found == {number: plainly(told, new, known.get(number)) for number, told in customers.items()}
    assert len({one.outcome for one in found.values()}) > 1, "the months are of more than one kind"


def _verdict(one: Outcome) -> Verdict:
    return Verdict(
        one.outcome, one.days_passed, one.missing, one.first_below, one.below_amount, one.lowest, one.average
    )
