"""The set-based statement agrees with a plain evaluator about customers with several accounts; the two share no code."""

import random
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.actor import system
from app.domain.access.models import Organisation
from app.domain.bank import accounts, programmes
from app.domain.bank.programmes import ProgrammeInput
from app.domain.calendar import hours
from app.domain.contacts.models import Contact
from app.gateways.corebank.base import Record
from tests.domain.bank.conftest import FIRST, LAST, Judge, Take
from tests.domain.bank.feed import Feed, record
from tests.domain.bank.test_evaluator import CLOSED, Verdict, _outcome, _verdict
from tests.factories import people

CUSTOMERS = 80
AMOUNTS = [Decimal(said) for said in ("15000.00", "14999.99", "7500.00", "7500.01", "0.00", "-1.05")]


@dataclass
class Account:
    """What a core bank told of an account: the versions of its days, and when it was opened and closed, where it says."""

    name: str
    kind: str
    told: dict[date, list[Decimal]] = field(default_factory=dict)
    opened_on: date | None = None
    closed_on: date | None = None

    def is_there(self, day: date) -> bool:
        first = min(filter(None, (self.opened_on, min(self.told))))
        return first <= day and (self.closed_on is None or day <= self.closed_on)

    def value(self, day: date, carry: int, ends: Collection[date]) -> Decimal | None:
        """What it had: of the day, or carried from one before it, not past a day that was told the other way."""
        for back in range(carry + 1):
            if (source := day - timedelta(days=back)) in self.told:
                return self.told[source][-1]
            if source in ends:
                return None
        return None


def plainly(accounts: list[Account], new: ProgrammeInput) -> Verdict:
    """What became of a month, one day and one account at a time."""
    whole = next(one for one in [*accounts, Account("", "current")] if not one.name)
    known = [one for one in accounts if one.told and one.name]
    counted = [one for one in known if not new.accounts or one.kind in new.accounts]
    is_whole_counted = not new.accounts or whole.kind in new.accounts
    wholly = set(whole.told) if is_whole_counted else set[date]()
    named = {day for one in counted for day in one.told}
    closed = CLOSED if new.calendar == "exempt" else ()
    month = [day for day in (FIRST + timedelta(days=n) for n in range(31)) if day not in closed]
    seen: dict[date, Decimal] = {}
    for day in month:
        there = [one for one in counted if len(known) == 1 or one.is_there(day)]
        values = [one.value(day, new.carry_days, wholly) for one in there]
        if is_whole_counted and (alone := whole.value(day, new.carry_days, named)) is not None:
            seen[day] = alone
        elif there and None not in values:
            seen[day] = sum(filter(None, values), Decimal(0))
    missing = [day for day in month if day not in seen]
    below = [day for day in month if day in seen and seen[day] < new.threshold]
    mean = (sum(seen.values()) / len(seen)).quantize(Decimal("0.01"), ROUND_HALF_UP) if seen else None
    passed = len(seen) - len(below)
    first, amount = (below[0], seen[below[0]]) if below else (None, None)
    outcome = _outcome(new, passed, len(missing), len(below), mean)
    return Verdict(outcome, passed, missing, first, amount, min(seen.values(), default=None), mean)


def an_account(dice: random.Random, number: int, trouble: float) -> Account:
    """A month and the four days before it, from an opening to a closing somewhere, with a share of trouble."""
    one = Account(f"A{number}", dice.choice(["current", "current", "savings", "pension"]))
    begins = FIRST + timedelta(days=dice.choice([-4, -4, -4, 0, 1, 12, 30]))
    ends = dice.choice([LAST, LAST, LAST, begins, FIRST + timedelta(days=19), FIRST - timedelta(days=1)])
    for day in (begins + timedelta(days=n) for n in range((ends - begins).days + 1)):
        if dice.random() >= trouble:
            one.told[day] = [Decimal(dice.choice([15000, 15000, 15000, 8000]))]
        elif dice.random() < 0.6:
            one.told[day] = [dice.choice(AMOUNTS) for _ in range(dice.choice([1, 2, 3]))]
    if one.told:
        one.opened_on = dice.choice([None, begins, begins - timedelta(days=2)])
        one.opened_on = one.opened_on and min(one.opened_on, *one.told)
        one.closed_on = dice.choice([None, ends]) if ends < LAST else None
    return one


def tell_wholly(accounts: list[Account], dice: random.Random) -> None:
    """Tell the days before one, or a few anywhere, without accounts; what is known of those stays."""
    begins = FIRST + timedelta(days=dice.choice([3, 15, 31]))
    days = [FIRST + timedelta(days=n) for n in range(31)]
    chosen = dice.choice([[day for day in days if day < begins], dice.sample(days, 3)])
    for one in accounts:
        if one.told and not one.told.keys() <= {*chosen}:
            first = min(one.told)
            one.told = {day: versions for day, versions in one.told.items() if day not in chosen}
            one.opened_on = one.opened_on or dice.choice([None, first])
        else:
            chosen = [day for day in chosen if day not in one.told]
    whole = {day: [Decimal(dice.choice([15000, 15000, 15000, 14000]))] for day in chosen}
    accounts.append(Account("", "current", whole))


def delivered(customers: dict[str, list[Account]], dice: random.Random) -> Feed:
    """The records as a core bank sends them; what it says of an account comes with some of them."""
    days: dict[str, list[Any]] = {}
    for number, his in customers.items():
        for one in his:
            last = max(one.told, default=FIRST)
            for day, versions in one.told.items():
                at = max(day, FIRST)
                for version, amount in enumerate(versions, 1):
                    said = record(
                        number, day.isoformat(), str(amount), version, name=f"{number}-{one.name}-{day}-{version}"
                    )
                    closed = one.closed_on.isoformat() if one.closed_on and day == last else None
                    opened = one.opened_on.isoformat() if one.opened_on else None
                    kept = replace(said, account=one.name, account_type=one.kind, closed_on=closed, opened_on=opened)
                    days.setdefault(at.isoformat(), []).append(kept)
                    at = min(LAST, at + timedelta(days=dice.choice([0, 1, 5])))
    return Feed(days)


@pytest.mark.parametrize("types", [(), ("current",), ("current", "savings")], ids=lambda one: "+".join(one) or "all")
@pytest.mark.parametrize("calendar", [{}, {"calendar": "exempt"}, {"calendar": "carry", "carry_days": 2}], ids=str)
@pytest.mark.parametrize("rule", [{"rule": "every"}, {"rule": "at_least", "days": 20}, {"rule": "average"}], ids=str)
def test_the_statement_and_a_plain_evaluator_agree_on_several_accounts(
    session: Session,
    organisation: Organisation,
    take: Take,
    judge: Judge,
    types: tuple[str, ...],
    calendar: dict[str, Any],
    rule: dict[str, Any],
) -> None:
    dice = random.Random(f"{types}{calendar}{rule}")
    closed = tuple(hours.SpecialDay(day=day) for day in CLOSED)
    hours.keep(session, hours.ALWAYS.model_copy(update={"days": closed}), by=system(organisation.id))
    people.contacts(session, CUSTOMERS)
    customers = {
        str(n): [an_account(dice, i, [0.0, 0.0, 0.02, 0.1, 0.5][n % 5]) for i in range(1 + n % 4)]
        for n in range(CUSTOMERS)
    }
    for accounts_of in [*customers.values()][::3]:
        tell_wholly(accounts_of, dice)
    new = ProgrammeInput.model_validate({"name": "Any", "accounts": types, **calendar, **rule})
    programme = programmes.create(session, new, by=system(organisation.id))
    take(delivered(customers, dice))
    found = {number: _verdict(one) for number, one in judge(programme).items()}
    assert found == {number: plainly(told, new) for number, told in customers.items()}
    assert len({one.outcome for one in found.values()}) > 1, "the months are of more than one kind"


def test_the_statement_and_whole_days_agree(
    session: Session, organisation: Organisation, take: Take, judge: Judge
) -> None:
    """What a segment asks for is what a run judges, over accounts that come, go, are told otherwise, and days told wholly."""
    dice = random.Random("whole days")
    people.contacts(session, CUSTOMERS)
    customers = {
        str(n): [an_account(dice, i, [0.0, 0.02, 0.1][n % 3]) for i in range(1 + n % 4)] for n in range(CUSTOMERS)
    }
    for accounts_of in [*customers.values()][::3]:
        tell_wholly(accounts_of, dice)
    by = system(organisation.id)
    programmes.create(session, ProgrammeInput(name="Dollars", currency="USD"), by=by)
    programme = programmes.create(session, ProgrammeInput(name="Any", rule="average"), by=by)
    feed = delivered(customers, dice)
    for rows in feed.records.values():
        rows[:] = [replace(one, currency="USD") if is_in_dollars(one) else one for one in rows]
    take(feed)
    had = accounts.whole_days(FIRST, 31, "ILS")
    seen: dict[str, dict[date, Decimal]] = {number: {} for number in customers}
    for number, day, amount in session.execute(
        select(Contact.external_id, had.c.day, had.c.amount).join(had, had.c.contact_id == Contact.id)
    ):
        assert seen[str(number)].setdefault(day, amount) == amount
    month = [FIRST + timedelta(days=n) for n in range(31)]
    for number, one in judge(programme).items():
        found = seen[number]
        mean = (sum(found.values()) / len(found)).quantize(Decimal("0.01"), ROUND_HALF_UP) if found else None
        plain = [day for day in month if day not in found], min(found.values(), default=None), mean
        assert (one.missing, one.lowest, one.average) == plain, number


def is_in_dollars(one: Record) -> bool:
    """The second account of some is in dollars; of others up to, or from, a day of the month."""
    way = int(one.external_id) % 8
    is_before, is_after = way == 3 and one.date < "2026-10-11", way > 4 and one.date > "2026-10-09"
    return one.account == "A1" and (way == 1 or is_before or is_after)
