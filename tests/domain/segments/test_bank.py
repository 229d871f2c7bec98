"""Conditions about balances, against plain Python over a random October and a November that runs."""

import random
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.access.models import Organisation
from app.domain.bank.models import Balance, BalanceDay, BankAccount
from app.domain.segments import explain, fields, membership, saying, words
from app.domain.segments.check import check
from app.domain.segments.kinds.bank import OPS
from tests.domain.segments.test_compiler import found
from tests.factories import people

NOW = datetime(2026, 11, 6, 12, tzinfo=UTC)
TAKEN = date(2026, 11, 4)  # the last day of November whose balances are there
CENT = Decimal("0.01")


@dataclass
class Customer:
    """What counts of a customer: his amount on each day."""

    id: UUID
    days: dict[date, Decimal] = field(default_factory=dict)


@pytest.fixture
def customers(session: Session, organisation: Organisation) -> Iterator[list[Customer]]:
    with clock.at(NOW):
        made = [Customer(one) for one in people.contacts(session, 80)]
        keep(session, organisation, made, random.Random(1))
        yield made


def keep(session: Session, organisation: Organisation, customers: list[Customer], chance: random.Random) -> None:
    """Balances of both months: most like each other, with holes, corrections, and some in a currency that does not count."""
    rows = []
    for one in customers:
        usual = Decimal(chance.choice([100, 150, 200]))
        holes, odd = chance.choice([0, 0, 0.05, 0.5]), chance.choice([0, 0, 0.1, 0.5])
        for day in [date(2026, 10, 1) + timedelta(days=n) for n in range(31 + TAKEN.day)]:
            if chance.random() < holes:
                continue
            amount = chance.choice([usual - CENT, Decimal(0), Decimal(-5)]) if chance.random() < odd else usual
            told = [(1, amount - 50, False), (2, amount, True)] if chance.random() < 0.1 else [(1, amount, True)]
            currency = "USD" if chance.random() < 0.005 else "ILS"
            rows += [(one.id, day, version, said, currency, is_current) for version, said, is_current in told]
            if currency == "ILS":
                one.days[day] = amount
    for month in (date(2026, 10, 1), date(2026, 11, 1)):
        session.execute(select(func.ensure_balances(month)))
    names = ("contact_id", "day", "version", "amount", "currency", "is_current")
    same = {"organisation_id": organisation.id, "record": "r", "source": "test", "taken_at": NOW}
    session.execute(insert(Balance), [same | dict(zip(names, row, strict=True)) for row in rows])
    taken = {"organisation_id": organisation.id, "day": TAKEN, "state": "taken", "due_at": NOW, "asked_at": NOW}
    session.execute(insert(BalanceDay), [taken, taken | {"day": TAKEN + timedelta(days=1), "state": "queued"}])


def holds(node: dict[str, Any], one: Customer) -> bool:
    if node["op"] in ("neq", "is_not_set"):
        return not holds(node | {"op": {"neq": "eq", "is_not_set": "is_set"}[node["op"]]}, one)
    days, month = node["days"], node.get("month", "current")
    if isinstance(days, dict) and "on" in days:
        return fits(node, one.days.get(date.fromisoformat(days["on"])))
    first = {"current": date(2026, 11, 1), "previous": date(2026, 10, 1)}.get(month) or date.fromisoformat(
        f"{month}-01"
    )
    length = TAKEN.day if (first.year, first.month) == (2026, 11) else monthrange(first.year, first.month)[1]
    amounts = [one.days.get(first + timedelta(days=n)) for n in range(length)] if first <= TAKEN else []
    if days == "average":
        known = [amount for amount in amounts if amount is not None]
        if not amounts or len(known) < len(amounts):
            return False
        return fits(node, (sum(known, Decimal(0)) / len(known)).quantize(CENT, ROUND_HALF_UP))
    wanted = days["at_least"] if isinstance(days, dict) else max(len(amounts), 1)
    return sum(fits(node, amount) for amount in amounts) >= wanted


def fits(node: dict[str, Any], amount: Decimal | None) -> bool:
    if amount is None or node["op"] == "is_set":
        return amount is not None
    value = node["value"]
    if node["op"] == "between":
        return bool(Decimal(value[0]) <= amount <= Decimal(value[1]))
    asked = Decimal(value)
    return {
        "eq": amount == asked, "gt": amount > asked, "gte": amount >= asked, "lt": amount < asked, "lte": amount <= asked,
    }[str(node["op"])]  # fmt: skip


def a_fact(chance: random.Random, op: str) -> dict[str, Any]:
    days: Any = chance.choice(
        [
            "every",
            "every",
            "average",
            {"at_least": chance.choice([1, 3, 20, 31])},
            {"on": chance.choice(["2026-10-07", "2026-11-04"])},
        ]
    )
    node = {"kind": "bank", "fact": "balance", "days": days, "op": op}
    if not (isinstance(days, dict) and "on" in days):
        node["month"] = chance.choice(["2026-10", "2026-11", "current", "previous", "2026-12", "2026-08"])
    values = ["100.00", "99.99", "150", "199.99", "0", "-5"]
    if op in fields.SET:
        return node
    return node | {"value": ["99.99", "150.00"] if op == "between" else chance.choice(values)}


def test_every_way_and_operator_agrees_with_the_evaluator(session: Session, customers: list[Customer]) -> None:
    chance, sizes = random.Random(4), set()
    for op in OPS * 12:
        node = a_fact(chance, op)
        wanted = {one.id for one in customers if holds(node, one)}
        assert found(session, {"where": node}) == wanted, node
        assert found(session, {"where": {"not": node}}) == {one.id for one in customers} - wanted, node
        sizes.add(len(wanted))
    assert len(sizes) > 10


def test_an_explanation_names_the_day(session: Session, organisation: Organisation) -> None:
    with clock.at(NOW):
        people.contacts(session, 1)
        one = Customer(found(session, {"where": {"all": []}}).pop())
        keep(session, organisation, [one], random.Random(8))
        low = {"kind": "bank", "fact": "balance", "days": "every", "op": "gte", "month": "2026-10"}
        for value in ("10", "500"):
            definition = check(session, {"where": low | {"value": value}})
            verdict = explain.judge(session, definition, one.id).verdicts[0]
            amounts = [one.days.get(date(2026, 10, day)) for day in range(1, 32)]
            fitting = sum(amount is not None and amount >= Decimal(value) for amount in amounts)
            assert (verdict.value["days"], verdict.value["fitting"]) == (31, fitting)
            below = [n for n, amount in enumerate(amounts, 1) if amount is not None and amount < Decimal(value)]
            said = saying.spoken(verdict.condition.shown(verdict.value), str)
            day = date(2026, 10, below[0])
            assert said == f"balance on {day}: {one.days[day]:.2f}; {fitting} of 31 days are as asked"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"days": "every", "month": "2026-10"}, "the balance of every day of 2026-10 is at least 15000.00."),
        ({"days": "average", "month": "previous"}, "the average balance of last month is at least 15000.00."),
        ({"days": {"at_least": 20}}, "the balance of at least 20 days of this month, as far as it goes, is at least 15000.00."),
        ({"days": {"on": "2026-10-09"}}, "the balance on 2026-10-09 is at least 15000.00."),
    ],
)  # fmt: skip
def test_a_balance_is_said_in_words(session: Session, organisation: Organisation, more: Any, said: str) -> None:
    node = {"kind": "bank", "fact": "balance", "op": "gte", "value": "15000.00", **more}
    sentence = words.sentence(check(session, {"where": node}), saying.Names(fields.catalogue(session)))
    assert saying.spoken(sentence, str) == f"Everybody for whom {said}"


def test_without_any_balance_nobody_matches(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 3)
    node = {"kind": "bank", "fact": "balance", "days": "every", "op": "gte", "value": 0}
    numbers = membership.numbers(session, check(session, {"where": {"any": [node, {"not": node}]}}))
    assert numbers.by_condition == {"where.any[0]": 0, "where.any[1].not": 0}
    assert numbers.matched == 3


@pytest.mark.parametrize(
    ("days", "value", "held"),
    [
        ({"on": "2026-11-02"}, 150, True),
        ({"on": "2026-11-03"}, 50, False),
        ("every", 50, False),
        ({"at_least": 3}, 150, True),
    ],
)
def test_what_somebody_has_is_in_all_his_accounts(
    session: Session, organisation: Organisation, days: Any, value: int, held: bool
) -> None:
    """On the third of November one of two has no value: there is no sum of that day."""
    (one,) = people.contacts(session, 1)
    same = {"organisation_id": organisation.id, "contact_id": one, "account_type": "current", "currency": "ILS"}
    balance = same | {"version": 1, "record": "r", "source": "test", "taken_at": NOW, "is_current": True}
    session.execute(select(func.ensure_balances(date(2026, 11, 1))))
    november = [date(2026, 11, n) for n in range(1, TAKEN.day + 1)]
    told = [("A", Decimal(100), november), ("B", Decimal(50), [day for day in november if day.day != 3])]
    for account, amount, some in told:
        session.execute(insert(BankAccount), [same | {"account": account, "since": some[0], "first_day": some[0]}])
        session.execute(insert(Balance), [balance | {"account": account, "amount": amount, "day": day} for day in some])
    taken = {"organisation_id": organisation.id, "day": TAKEN, "state": "taken", "due_at": NOW, "asked_at": NOW}
    session.execute(insert(BalanceDay), [taken])
    node = {"kind": "bank", "fact": "balance", "days": days, "op": "gte", "value": value}
    with clock.at(NOW):
        assert found(session, {"where": node}) == ({one} if held else set())
