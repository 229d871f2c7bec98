"""The sandbox's core bank: every balance by the rule of the demonstration, and spoilt as ordered."""

import json
import time
import urllib.error
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.servers.sandbox import Sandbox

LAST = 45211


def page(sandbox: Sandbox, day: str, after: int | str = "", limit: int = 1000) -> dict[str, Any]:
    found: dict[str, Any] = sandbox.call("GET", f"/bank/balances?date={day}&after={after}&limit={limit}")
    return found


def told(sandbox: Sandbox, day: str, client: int) -> list[dict[str, Any]]:
    """Every record of a client's main account that comes with a day, without its name."""
    items = page(sandbox, day, client - 1, limit=5)["items"]
    return [main(item) for item in items if item["external_id"] == str(client) and is_main(item)]


def is_main(item: dict[str, Any]) -> bool:
    return bool(item.get("account_type", "current") == "current")


def main(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if not name.startswith("account")}


def amounts(records: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(record["date"], record["amount"], record["version"]) for record in records]


def whole(sandbox: Sandbox, day: date) -> Iterator[dict[str, Any]]:
    connection = HTTPConnection("127.0.0.1", sandbox.http_port, timeout=30)
    after: str | None = ""
    while after is not None:
        connection.request("GET", f"/bank/balances?date={day}&after={after}&limit=1000")
        found = json.loads(connection.getresponse().read())
        assert found["date"] == day.isoformat()
        assert 0 < len(found["items"]) <= 1000
        yield from filter(is_main, found["items"])
        after = found["next"]
    connection.close()


@pytest.mark.parametrize(
    ("client", "day", "amount"),
    [
        (1, "2026-10-01", "8267.68"),
        (2, "2026-10-31", "105.52"),
        (26, "2026-10-05", "-1516.73"),
        (20, "2026-10-05", "0.00"),
        (39990, "2024-02-29", "456711.94"),
        (45211, "2026-11-01", "12390.25"),
    ],
)
def test_a_balance_is_made_by_the_rule(sandbox: Sandbox, client: int, day: str, amount: str) -> None:
    expected = {"external_id": str(client), "date": day, "amount": amount, "currency": "ILS", "version": 1}
    (record,) = told(sandbox, day, client)
    assert {**record, "record": ""} == {**expected, "record": ""}
    assert told(sandbox, day, client)[0]["record"] == record["record"]


def test_the_demonstration_month_qualifies_as_many_as_it_should(sandbox: Sandbox) -> None:
    """15,000.00 ILS every day of October 2026, judged before any correction is taken in."""
    days = monthrange(2026, 10)[1]
    passed: dict[str, set[str]] = defaultdict(set)
    failed: set[str] = set()
    counted: dict[int, int] = {}
    for number in range(1, days + 1):
        records = [record for record in whole(sandbox, date(2026, 10, number)) if record["version"] == 1]
        counted[number] = len(records)
        for record in records:
            try:
                is_enough = Decimal(record["amount"]) >= Decimal("15000.00")
            except InvalidOperation:
                continue
            passed[record["external_id"]].add(record["date"]) if is_enough else failed.add(record["external_id"])
    assert sum(len(dates) == days for client, dates in passed.items() if client not in failed) == 3849
    assert counted[1] == LAST - 485
    assert counted[17] < counted[1] < counted[9]


def test_one_client_of_ten_has_a_savings_account_whose_balance_grows(sandbox: Sandbox) -> None:
    first, later = page(sandbox, "2026-10-01")["items"], page(sandbox, "2026-11-30")["items"]
    savers = {item["external_id"]: item for item in first if not is_main(item)}
    assert 80 < len(savers) < 120
    assert {item["account"] for item in first if item["external_id"] in savers} == {
        f"{client}-{place}" for client in savers for place in (1, 2)
    }
    assert not any("account" in item for item in first if item["external_id"] not in savers)
    again = {item["external_id"]: item for item in later if not is_main(item)}
    both = savers.keys() & again.keys()
    assert len(both) > 70, "the same clients every month"
    assert all(Decimal(savers[one]["amount"]) < Decimal(again[one]["amount"]) for one in both)


@pytest.mark.parametrize(
    ("day", "client", "expected"),
    [
        ("2026-10-17", 101 * 3, 0),
        ("2026-10-18", 101 * 3, 2),
        ("2026-10-09", 131, 2),
        ("2026-10-12", 151, 1),
        ("2026-10-13", 151, 2),
        ("2026-10-20", 251, 1),
        ("2026-11-17", 101 * 3, 1),
        ("2026-09-13", 151, 1),
    ],
)
def test_the_faults_of_the_demonstration_month(sandbox: Sandbox, day: str, client: int, expected: int) -> None:
    records = told(sandbox, day, client)
    assert len(records) == expected
    sandbox.faults(bank={"demonstration": False})
    (plain,) = told(sandbox, day, client)
    assert Decimal(plain["amount"]).as_tuple().exponent == -2
    if expected == 2 and client != 151:
        assert records == [plain, plain]


def test_a_correction_comes_with_the_next_day(sandbox: Sandbox) -> None:
    (low,) = told(sandbox, "2026-10-12", 302)
    corrected, own = told(sandbox, "2026-10-13", 302)
    assert (corrected["date"], corrected["version"], own["date"], own["version"]) == ("2026-10-12", 2, "2026-10-13", 1)
    assert Decimal(corrected["amount"]) - Decimal(low["amount"]) == Decimal("20000.00")
    assert corrected["record"] != low["record"]
    sandbox.faults(bank={"demonstration": False})
    assert amounts(told(sandbox, "2026-10-12", 302)) == [("2026-10-12", corrected["amount"], 1)]


def test_text_that_is_no_number(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidOperation):
        Decimal(told(sandbox, "2026-10-20", 502)[0]["amount"])


def test_pages_follow_the_numbers_of_the_clients(sandbox: Sandbox) -> None:
    seen: list[int] = []
    after: str | None = "45000"
    while after is not None:
        found = page(sandbox, "2026-10-09", after, limit=7)
        seen += [int(item["external_id"]) for item in found["items"]]
        assert len(found["items"]) <= 7
        after = found["next"]
    assert seen == sorted(seen)
    assert (seen[0] > 45000, seen[-1]) == (True, LAST)
    assert seen.count(131 * 345) == 2
    assert page(sandbox, "2026-10-09", LAST) == {"date": "2026-10-09", "items": [], "next": None}


def test_a_client_is_not_parted_between_pages(sandbox: Sandbox) -> None:
    found = page(sandbox, "2026-10-09", 130, limit=1)
    assert [item["external_id"] for item in found["items"]] == ["131", "131"]
    assert found["next"] == "131"


@pytest.mark.parametrize("query", ["date=", "date=2026-13-01", "date=2026-10-01&after=x", "date=2026-10-01&limit=x"])
def test_a_question_it_does_not_understand_is_refused(sandbox: Sandbox, query: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        sandbox.call("GET", f"/bank/balances?{query}")


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "2024-02-29", "2031-07-01", "9999-12-31"])
def test_every_day_has_balances(sandbox: Sandbox, day: str) -> None:
    found = page(sandbox, day)
    assert {item["date"] for item in found["items"]} == {day}
    assert len(found["items"]) in (999, 1000), "nobody is parted"


def test_a_page_takes_a_moment(sandbox: Sandbox) -> None:
    page(sandbox, "2026-10-10")
    quickest = 1.0
    for _ in range(5):
        began = time.perf_counter()
        page(sandbox, "2026-10-11", 20000)
        quickest = min(quickest, time.perf_counter() - began)
    assert quickest < 0.1


def test_faults_as_ordered(sandbox: Sandbox) -> None:
    sandbox.faults(
        bank={
            "omitted_days": ["2026-11-02"],
            "wrong_format_every": 1000,
            "wrong_currency_every": 1001,
            "duplicate_every": 1002,
            "corrected_every": 1003,
            "unknown_customers": 2,
        }
    )
    assert page(sandbox, "2026-11-02") == {"date": "2026-11-02", "items": [], "next": None}
    day = "2026-11-04"
    assert not told(sandbox, day, 1000)[0]["amount"][0].isdigit()
    assert told(sandbox, day, 1001)[0]["currency"] == "USD"
    assert len(told(sandbox, day, 1002)) == 2
    assert [(r["date"], r["version"]) for r in told(sandbox, day, 1003)] == [("2026-11-03", 2), (day, 1)]
    assert [(r["date"], r["version"]) for r in told(sandbox, "2026-11-03", 1003)] == [("2026-11-03", 1)]
    strangers = page(sandbox, day, LAST)["items"]
    assert [int(stranger["external_id"]) > LAST for stranger in strangers] == [True, True]
    assert page(sandbox, day, strangers[0]["external_id"])["items"] == strangers[1:]


def test_a_page_is_answered_twice_and_then_it_goes_on(sandbox: Sandbox) -> None:
    first = page(sandbox, "2026-11-05")
    second = page(sandbox, "2026-11-05", first["next"])
    sandbox.faults(bank={"pages": "repeated"})
    assert page(sandbox, "2026-11-05") == first
    assert page(sandbox, "2026-11-05", first["next"]) == first
    assert page(sandbox, "2026-11-05", first["next"]) == second


def test_a_page_is_skipped(sandbox: Sandbox) -> None:
    first = page(sandbox, "2026-11-05")
    second = page(sandbox, "2026-11-05", first["next"])
    third = page(sandbox, "2026-11-05", second["next"])
    sandbox.faults(bank={"pages": "skipped"})
    assert page(sandbox, "2026-11-05") == first
    assert page(sandbox, "2026-11-05", first["next"]) == third


@pytest.mark.parametrize("orders", [{"down": "perhaps"}, {"eaten": 1}, {"omitted_days": ["soon"]}, {"pages": "eaten"}])
def test_an_order_the_core_bank_does_not_know_is_refused(sandbox: Sandbox, orders: dict[str, object]) -> None:
    with pytest.raises(urllib.error.HTTPError, match="422"):
        sandbox.faults(bank=orders)
    assert sandbox.call("GET", "/faults")["bank"]["demonstration"] is True
