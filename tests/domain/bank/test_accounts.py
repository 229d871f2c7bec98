"""Customers with several accounts: a day is the sum of those that count, and none while one of them has nothing."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.page import Ask
from app.domain.access.models import Organisation
from app.domain.bank import accounts, days, evidence, forecast, programmes, review, whatif
from app.domain.bank.models import Balance, BalanceIssue, BankAccount, Opening
from app.domain.bank.programmes import ProgrammeInput
from app.domain.reports import verify
from app.gateways.corebank.base import Record
from app.gateways.corebank.dropped_file import records
from tests.domain.bank.conftest import FIRST, GOOD, Judge, Take, newest, number
from tests.domain.bank.feed import Feed, record
from tests.factories import people

MAIN = ["10000.00"] * 31
MORE = ["5000.00"] * 31
DAYS = [FIRST + timedelta(days=n) for n in range(31)]


def held(month: Iterable[str | None], account: str = "", customer: str = "0", **said: Any) -> list[Record]:
    """The days of an account; with a name it is a savings account if that begins so."""
    kind = "savings" if account.startswith("S") else ""
    said = {"account": account, "account_type": kind} | said
    return [
        replace(record(customer, day.isoformat(), amount, name=f"{customer}{account}{day}"), **said)
        for day, amount in zip(DAYS, month, strict=True)
        if amount is not None
    ]


def bank(*accounts: list[Record]) -> Feed:
    told: dict[str, list[Record]] = {}
    for one in (row for rows in accounts for row in rows):
        told.setdefault(one.date, []).append(one)
    return Feed(told)


def asked(session: Session, **rule: Any) -> Any:
    by = system(session.execute(select(Organisation.id)).scalar_one())
    return programmes.create(session, ProgrammeInput(name="Premium", **rule), by=by)


@pytest.fixture(autouse=True)
def customers(session: Session, organisation: Organisation) -> None:
    people.contacts(session, 2)


@pytest.mark.parametrize(
    ("counted", "outcome"),
    [
        ((), "qualified"),
        (("current",), "not_qualified"),
        (("current", "savings"), "qualified"),
        (("loan",), "indeterminate"),
    ],
)
def test_a_day_is_the_sum_of_the_accounts_that_count(
    session: Session, take: Take, judge: Judge, counted: tuple[str, ...], outcome: str
) -> None:
    programme = asked(session, accounts=counted)
    take(bank(held(MAIN, "C1"), held(MORE, "S1"), held(GOOD, customer="1")))
    found = judge(programme)
    assert found["0"].outcome == outcome
    assert found["0"].lowest == {"qualified": 15000, "not_qualified": 10000, "indeterminate": None}[outcome]
    assert found["1"].outcome == ("indeterminate" if counted == ("loan",) else "qualified")
    assert found["1"].accounts is None, "of one account nothing more is kept"


def test_a_day_one_account_has_nothing_of_is_a_day_without_a_value(
    session: Session, take: Take, judge: Judge, officer: Actor
) -> None:
    programme = asked(session)
    take(bank(held(GOOD, "C1"), held([*MORE[:16], None, *MORE[17:]], "S1")))
    found = judge(programme)["0"]
    assert (found.outcome, found.missing, found.days_passed) == ("indeterminate", [date(2026, 10, 17)], 30)
    month = days.of_customer(session, newest(session).id, found.contact_id, by=officer)
    assert [str(month.days[n].amount) for n in (15, 16, 17)] == ["20000.00", "None", "20000.00"]
    assert (month.days[16].verdict, month.days[16].parts) == ("missing", {})
    assert {name: str(amount) for name, amount in month.days[17].parts.items()} == {"C1": "15000.00", "S1": "5000.00"}
    assert month.accounts == {"C1": "current", "S1": "savings"}
    wrong = select(BalanceIssue.record).where(BalanceIssue.contact_id == found.contact_id)
    assert session.execute(wrong).scalars().all() == ["0/S1"]
    take(bank([replace(held(MORE, "S1")[16], date="2026-10-17")]), date(2026, 10, 17), date(2026, 10, 17))
    assert judge(programme)["0"].outcome == "qualified"
    assert session.execute(wrong).first() is None


@pytest.mark.parametrize(
    ("said", "outcome", "missing"),
    [
        ({}, "qualified", 0),  # it is there from its first day on
        ({"opened_on": "2026-10-09"}, "qualified", 0),
        ({"opened_on": "2026-10-05"}, "indeterminate", 4),
        ({"opened_on": "2026-09-01"}, "indeterminate", 8),
    ],
)
def test_an_account_that_was_opened_in_the_month_is_not_asked_for_before(
    session: Session, take: Take, judge: Judge, said: dict[str, str], outcome: str, missing: int
) -> None:
    programme = asked(session)
    take(bank(held(GOOD, "C1"), held([None] * 8 + MORE[8:], "S1", **said)))
    found = judge(programme)["0"]
    assert (found.outcome, len(found.missing)) == (outcome, missing)


@pytest.mark.parametrize(
    ("closed_on", "outcome", "missing"), [("2026-10-20", "qualified", 0), (None, "indeterminate", 11)]
)
def test_an_account_that_was_closed_in_the_month_is_not_asked_for_after(
    session: Session, take: Take, judge: Judge, closed_on: str | None, outcome: str, missing: int
) -> None:
    """Only where the bank says that it was: a balance that just ends is missing."""
    programme, rows = asked(session), held([*MORE[:20], *[None] * 11], "S1")
    take(bank(held(GOOD, "C1"), [*rows[:-1], replace(rows[-1], closed_on=closed_on)]))
    found = judge(programme)["0"]
    assert (found.outcome, len(found.missing)) == (outcome, missing)
    assert found.accounts == [
        {"account": "C1", "type": "current", "counts": True, "begins": None, "ends": None},
        {"account": "S1", "type": "savings", "counts": True, "begins": None, "ends": closed_on},
    ]


def test_a_closing_that_is_told_later_makes_the_month_stale(session: Session, take: Take, judge: Judge) -> None:
    programme = asked(session)
    rows = held([*MORE[:20], *[None] * 11], "S1")
    take(bank(held(GOOD, "C1"), rows))
    assert judge(programme)["0"].outcome == "indeterminate"
    run, late = newest(session), replace(rows[-1], closed_on="2026-10-20")
    with clock.at(clock.now() + timedelta(hours=1)):
        take(Feed({"2026-10-31": [late]}), DAYS[-1], DAYS[-1])
        assert review.is_stale(session, run)
        assert judge(programme)["0"].outcome == "qualified"
        assert newest(session).input_hash != run.input_hash


@pytest.mark.parametrize(
    ("before", "later"),
    [
        ({}, {"opened_on": "2026-08-03"}),
        ({"opened_on": "2026-08-03"}, {"opened_on": "2026-11-02"}),
        ({}, {"closed_on": "2026-11-05", "opened_on": "2026-09-09"}),
    ],
    ids=["opened earlier", "opened later", "and closed"],
)
def test_a_month_between_what_was_told_of_an_account_and_what_is_told_now_is_stale(
    session: Session, take: Take, judge: Judge, before: dict[str, str], later: dict[str, str]
) -> None:
    programme, day = asked(session), date(2026, 11, 5)
    told = [replace(held(MORE, "S1")[0], date=day.isoformat(), record=f"S{n}") for n in range(2)]
    take(bank(held(GOOD, "C1"), [replace(told[0], **before)]), last=day)
    outcome, run = judge(programme)["0"].outcome, newest(session)
    with clock.at(clock.now() + timedelta(hours=1)):
        take(Feed({day.isoformat(): [replace(told[1], version=2, **later)]}), day, day)
        assert review.is_stale(session, run)
        assert judge(programme)["0"].outcome != outcome


def test_a_closing_makes_the_months_after_it_stale(session: Session, take: Take, judge: Judge) -> None:
    programme, day = asked(session), date(2026, 9, 10)
    only = replace(held(MORE, "S1")[0], date=day.isoformat())
    take(bank(held(GOOD, "C1"), [only]), day)
    assert judge(programme)["0"].outcome == "indeterminate"
    run, late = newest(session), replace(only, closed_on=only.date, version=2, record="late")
    with clock.at(clock.now() + timedelta(hours=1)):
        take(Feed({"2026-11-06": [late]}), *[date(2026, 11, 6)] * 2)
        assert review.is_stale(session, run)
        assert judge(programme)["0"].outcome == "qualified"


def test_an_account_with_a_value_after_its_closing_is_open_again(session: Session, take: Take, judge: Judge) -> None:
    programme, rows = asked(session), held([*MORE[:20], None, *MORE[21:]], "S1")
    rows[19] = replace(rows[19], closed_on="2026-10-20")
    take(bank(held(GOOD, "C1"), rows))
    assert judge(programme)["0"].missing == [date(2026, 10, 21)]
    assert session.execute(select(BankAccount.closed_on).where(BankAccount.account == "S1")).scalar() is None


def test_an_account_that_changes_its_type_counts_while_it_is_of_one_that_counts(
    session: Session, take: Take, judge: Judge
) -> None:
    programme = asked(session, accounts=("current",), rule="average")
    rows = held(MORE, "C2")
    take(bank(held(MAIN, "C1"), rows[:10] + [replace(row, account_type="deposit") for row in rows[10:]]))
    found = judge(programme)["0"]
    assert (found.missing, found.lowest, str(found.average)) == ([], 10000, "11612.90")


@pytest.mark.parametrize("order", [1, -1])
def test_a_day_is_told_with_accounts_or_without(session: Session, take: Take, judge: Judge, order: int) -> None:
    """What is told the other way round is a contradiction, in one batch and in two."""
    programme, kinds = asked(session), select(BalanceIssue.kind).where(BalanceIssue.record.like("0%")).distinct()
    one, other = [held(GOOD, "C1"), held(GOOD)][::order]
    take(bank(one))
    take(bank(other))
    assert session.execute(kinds).scalars().all() == ["conflict"]
    assert judge(programme)["0"].lowest == 15000
    assert session.execute(select(Balance.account).distinct()).scalars().all() == [one[0].account]
    rows = [replace(row, external_id="1", record=f"1{row.record}") for row in (one[0], other[0])]
    take(bank(rows))
    assert session.execute(select(Balance).where(Balance.contact_id == number(session, "1").id)).first() is None


def test_a_bank_that_begins_to_tell_accounts_goes_on_seamlessly(session: Session, take: Take, judge: Judge) -> None:
    take(bank(held([*GOOD[:9], *[None] * 22]), held([None] * 9 + MAIN[9:], "C1"), held([None] * 9 + MORE[9:], "S1")))
    assert judge(asked(session))["0"].outcome == "qualified"


@pytest.mark.parametrize("rule", [{}, {"calendar": "carry", "carry_days": 2}], ids=["as it is", "carried"])
def test_a_month_told_without_accounts_stays_what_it_was_when_older_accounts_are_told_of(
    session: Session, take: Take, judge: Judge, officer: Actor, rule: dict[str, Any]
) -> None:
    programme = asked(session, **rule)
    take(bank(held(GOOD)))
    assert judge(programme)["0"].outcome == "qualified"
    said = {"date": "2026-11-01", "opened_on": "2010-01-01"}
    take(bank([replace(held(MAIN, name)[0], **said) for name in ("C1", "S1")]), *[date(2026, 11, 1)] * 2)
    take(bank(held(GOOD)))
    found = judge(programme)["0"]
    assert (found.outcome, found.missing, found.lowest) == ("qualified", [], 15000)
    month = days.of_customer(session, newest(session).id, found.contact_id, by=officer)
    assert {(one.verdict, str(one.amount)) for one in month.days} == {("held", "15000.00")}
    wrong = select(BalanceIssue.record).where(BalanceIssue.contact_id == found.contact_id)
    assert session.execute(wrong).scalars().all() == []


def test_a_value_told_one_way_is_carried_no_further_than_to_the_next_of_the_other(
    session: Session, take: Take, judge: Judge, officer: Actor
) -> None:
    programme = asked(session, calendar="carry", carry_days=2, rule="average")
    take(bank(held([*GOOD[:9], *[None] * 22]), held([None] * 9 + MAIN[9:], "C1"), held([None] * 9 + MORE[9:], "S1")))
    take(bank(held(GOOD[:9] + [None] * 22, customer="1"), held([None] * 9 + GOOD[9:], "C1", "1")))
    found = judge(programme)
    assert {(one.missing == [], str(one.average)) for one in found.values()} == {(True, "15000.00")}
    for one in found.values():
        month = days.of_customer(session, newest(session).id, one.contact_id, by=officer)
        assert {str(day.amount) for day in month.days} == {"15000.00"}


def test_versions_and_duplicates_are_an_accounts_own(session: Session, take: Take, judge: Judge) -> None:
    programme = asked(session)
    low = held([*MORE[:4], "1.00", *MORE[5:]], "S1")
    right = replace(low[4], amount="5000.00", version=2, record="0S1-2")
    take(
        Feed(
            {
                **bank(held(MAIN, "C1"), low, low[6:7]).records,
                "2026-10-31": [right, *bank(low, held(MAIN, "C1")).records["2026-10-31"]],
            }
        )
    )
    assert judge(programme)["0"].outcome == "qualified"
    kinds = select(BalanceIssue.kind).where(BalanceIssue.contact_id == number(session, "0").id)
    assert session.execute(kinds).scalars().all() == ["duplicate"]


@pytest.mark.parametrize(
    "said",
    [
        {"account": "C" * 41},
        {"account": "C 1"},
        {"account": "C\n"},
        {"account": "C|1"},
        {"account": "C,1"},
        {"account_type": "Savings"},
        {"account_type": "s" * 31},
    ],
)
def test_an_account_that_cannot_be_is_put_aside(session: Session, take: Take, said: dict[str, str]) -> None:
    take(bank([replace(held(GOOD, "C1")[0], **said)]), FIRST, FIRST)
    assert session.execute(select(Balance)).first() is None
    assert "bad_format" in session.execute(select(BalanceIssue.kind)).scalars().all()


def test_what_a_run_looked_at_is_proved_account_by_account(
    session: Session, take: Take, judge: Judge, officer: Actor
) -> None:
    programme = asked(session, accounts=("current", "savings"))
    deposits = held(["1.00"] * 31, "D1", account_type="deposit")
    take(bank(held(GOOD, "C1"), held([None] * 8 + MORE[8:], "S1"), deposits, held(GOOD, customer="1")))
    found, run = judge(programme), newest(session)
    rows = {name: table(getattr(evidence, columns), told) for name, columns, told in (
        ("inputs.csv", "INPUTS", evidence.inputs(session, run, by=officer)),
        ("balances.csv", "BALANCES", evidence.balances_of_sample(session, run, by=officer)),
        ("sample.csv", "SAMPLE", evidence.drawn(session, run, by=officer)),
    )}  # fmt: skip
    assert run.input_hash
    assert list(verify.looked_at(run.input_hash, rows.__getitem__)) == []
    plain = ",".join(f"{day}|1|15000.00" for day in DAYS)
    assert {row["contact"]: row["digest"] for row in rows["inputs.csv"]}[str(found["1"].contact_id)] == sha256(
        plain.encode()
    ).hexdigest(), "without accounts a digest is what it always was"
    for row in rows["balances.csv"]:
        row["account"] = row["account"].replace("S1", "S2")
    assert len(list(verify.looked_at(run.input_hash, rows.__getitem__))) == 1


def table(columns: tuple[str, ...], told: Iterable[Any]) -> list[dict[str, str]]:
    return [{name: "" if one is None else str(one) for name, one in zip(columns, row, strict=True)} for row in told]


def test_who_opens_an_account_more_has_not_come_to_the_bank_with_it(session: Session, take: Take, judge: Judge) -> None:
    programme, came = asked(session, opening="never"), "2026-10-09"
    take(bank(held(GOOD, "C1"), held([None] * 8 + MORE[8:], "S1", opened_on=came)))
    assert judge(programme)["0"].outcome == "qualified"
    assert session.execute(select(Opening)).first() is None


def test_who_comes_with_all_his_accounts_came_with_the_first(session: Session, take: Take, judge: Judge) -> None:
    programme = asked(session, opening="from")
    late = held([None] * 19 + MORE[19:], "S1", opened_on="2026-10-20")
    take(bank(held([None] * 8 + GOOD[8:], "C1", opened_on="2026-10-09"), late))
    found = judge(programme)["0"]
    assert (found.outcome, found.days_required, found.opened_on) == ("qualified", 23, date(2026, 10, 9))


def test_a_value_is_carried_for_its_own_account_and_not_past_its_closing(
    session: Session, take: Take, judge: Judge, officer: Actor
) -> None:
    programme, hole = asked(session, calendar="carry", carry_days=2), [*MORE[:11], None, *MORE[12:19], *[None] * 12]
    rows = held(hole, "S1")
    rows[-1] = replace(rows[-1], closed_on="2026-10-19")
    take(bank(held(MAIN, "C1"), rows))
    found = judge(programme)["0"]
    assert (found.missing, found.first_below, found.below_amount) == ([], date(2026, 10, 20), 10000)
    month = days.of_customer(session, newest(session).id, found.contact_id, by=officer)
    assert [(one.day.day, one.carried_from) for one in month.days if one.carried_from] == [(12, date(2026, 10, 11))]
    assert [str(one.amount) for one in month.days[18:20]] == ["15000.00", "10000.00"]


def test_what_if_other_accounts_counted(session: Session, take: Take, judge: Judge, officer: Actor) -> None:
    programme = asked(session, accounts=("current",))
    take(bank(held(MAIN, "C1"), held(MORE, "S1"), held(GOOD, customer="1")))
    judge(programme)
    run = newest(session)
    other = whatif.rule_of(session, run.id, by=officer).model_copy(update={"accounts": ()})
    assert [(one.before, one.after, one.count) for one in whatif.ask(session, run.id, other, by=officer).became] == [
        ("not_qualified", "qualified", 1)
    ]


def test_the_forecast_counts_a_customer_with_several_accounts_once(
    session: Session, take: Take, officer: Actor
) -> None:
    programme = asked(session)
    with clock.at(clock.now().replace(month=10, day=20)):
        take(bank(held(MAIN, "C1"), held(MORE, "S1"), held(GOOD, customer="1")), FIRST, DAYS[18])
        found = forecast.read(session, programme.id, by=officer)
        assert (found.counts["at_risk"] + found.counts["on_track"], found.customers) == (2, 2)
        standings = forecast.listed(session, programme.id, "at_risk", Ask(), by=officer).items
        assert {one.external_id: str(one.latest) for one in standings} == {"0": "15000.00", "1": "15000.00"}


def test_a_file_may_tell_accounts() -> None:
    content = (
        b"external_id,date,amount,currency,account,account_type,closed_on\n"
        b"1,2026-10-09,5.00,ILS,C1,,\n1,2026-10-09,6.00,ILS,S1,savings,2026-10-09\n2,2026-10-09,7.00,ILS,,,\n"
    )
    found = list(records(content))
    assert [(one.account, one.account_type, one.closed_on) for one in found] == [
        ("C1", "", None), ("S1", "savings", "2026-10-09"), ("", "", None),
    ]  # fmt: skip
    assert len({one.record for one in found}) == 3


def test_the_types_there_are_are_those_the_bank_has_told(session: Session, take: Take, officer: Actor) -> None:
    take(bank(held(MAIN, "C1"), held(MORE, "P1", account_type="pension")), FIRST, FIRST)
    assert accounts.types(session, by=officer)[-2:] == ["other", "pension"]
