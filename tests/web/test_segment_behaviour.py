"""Events, one after another, and facts of the bank in the builder, as a person without script uses it."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.domain.access.models import Organisation
from app.domain.bank import programmes
from app.domain.bank.programmes import ProgrammeInput
from app.domain.events.models import Event
from app.domain.segments import fields, library
from app.domain.segments.check import check
from app.web.segments import conditions
from tests.factories import people
from tests.web.pages import House
from tests.web.test_segments import Builder, asked

EVENT: dict[str, Any] = {"kind": "event", "event": "purchase"}
AMOUNT = {"property": "amount"}
SEQUENCE: dict[str, Any] = {"kind": "sequence", "first": {"event": "quote"}, "then": {"event": "purchase"}}
BALANCE: dict[str, Any] = {"kind": "bank", "fact": "balance", "op": "gte", "value": "15000.00"}
WHERE = {
    "all": [
        {"property": "branch", "op": "in", "value": [7, "7"]},
        {"property": "branch", "op": "not_in", "value": ["a, b", "c"]},
        {"property": "kind", "op": "contains", "value": "loan"},
        {"property": "is_new", "op": "in", "value": [True, "true"]},
        {"property": "amount", "op": "gt", "value": 2.5},
        {"property": "amount", "op": "is_set"},
        {"property": "town", "op": "eq", "value": "חיפה"},
    ]
}


@pytest.mark.parametrize(
    "node",
    [
        EVENT,
        EVENT | {"op": "between", "value": [2, 4], "within": {"last": 48, "unit": "hours"}},
        EVENT | {"op": "neq", "value": 3, "within": {"from": "2026-01-01", "to": "2026-06-30"}},
        EVENT | AMOUNT | {"measure": "sum", "op": "gte", "value": 5000, "where": WHERE},
        EVENT | AMOUNT | {"measure": "avg", "op": "is_not_set"},
        EVENT | AMOUNT | {"measure": "distinct", "op": "lt", "value": 2},
        EVENT | {"measure": "first", "op": "between", "value": ["2026-01-01", "2026-02-01"]},
        EVENT | {"measure": "last", "op": "not_in_last", "value": 3, "unit": "months", "within": {"last": 1, "unit": "years"}},
        SEQUENCE,
        SEQUENCE | {"happened": False, "within": {"last": 14, "unit": "days"}},
        SEQUENCE | {"first": {"event": "quote", "where": WHERE}, "within": {"from": "2026-01-01"}},
        SEQUENCE | {"then": {"event": "purchase", "where": WHERE}},
        BALANCE | {"days": "every", "month": "2026-10"},
        BALANCE | {"days": "average", "month": "previous", "op": "between", "value": [1, 5]},
        BALANCE | {"days": {"at_least": 12}, "op": "neq"},
        BALANCE | {"days": {"on": "2026-10-09"}},
        {"kind": "bank", "fact": "balance", "days": "every", "op": "is_set", "month": "current"},
        {"kind": "message", "did": "replied", "times": {"op": "neq", "value": 2}},
        {"kind": "field", "field": "last_activity_at", "op": "not_in_last", "value": 30, "unit": "days"},
    ],
    ids=lambda one: f"{one['kind']} {one.get('measure', '')}{one.get('days', '')}",
)  # fmt: skip
def test_a_row_gives_back_the_condition_it_was_made_of(session: Session, organisation: Organisation, node: Any) -> None:
    known = fields.catalogue(session)
    condition = check(session, {"where": node}).where
    row = conditions.row("r1", condition)
    conditions.settled(row, known)
    assert check(session, {"where": conditions.as_json(row, known)}).where == condition


def test_an_outcome_gives_back_its_programme(session: Session, organisation: Organisation) -> None:
    made = [programmes.create(session, ProgrammeInput(name=name), by=system(organisation.id)) for name in ("A", "B")]
    known = fields.catalogue(session)
    for one in made:
        node = {"kind": "bank", "fact": "outcome", "programme": str(one.id), "op": "neq", "value": "indeterminate"}
        condition = check(session, {"where": node | {"month": "2026-10"}}).where
        row = conditions.row("r1", condition)
        conditions.settled(row, known)
        assert check(session, {"where": conditions.as_json(row, known)}).where == condition


@pytest.fixture
def shop(bank: House) -> House:
    """Twelve customers; every third bought for 10 a time in branch 7, number 0 three times, number 6 for 500 in branch "8"."""
    with bank.unit() as session:
        ids = people.contacts(session, 12)
        same = {
            "organisation_id": bank.organisation_id,
            "source": "api",
            "is_verified": True,
            "received_at": clock.now(),
        }

        def tell(name: str, number: int, days: int, **properties: Any) -> dict[str, Any]:
            at = clock.now() - timedelta(days=days)
            return same | {"contact_id": ids[number], "name": name, "occurred_at": at, "properties": properties}

        rows = [tell("purchase", n, 1, amount=10, branch=7) for n in (0, 0, 0, 3, 9)]
        rows += [
            tell("purchase", 6, 1, amount=500, branch="8"),
            tell("quote", 3, 5),
            tell("quote", 4, 20),
            tell("quote", 5, 2),
        ]
        session.execute(insert(Event), rows)
    return bank


def saved(house: House, builder: Builder, name: str) -> Any:
    answer = builder.save(name=name)
    assert answer.status_code == 303, builder.words
    with house.unit("marketer") as session:
        segment = library.get(session, answer.headers["Location"].rpartition("/")[2], by=house.staff["marketer"])
        return library.definition_of(session, segment).dump()["where"]["all"], answer.headers["Location"]


def test_an_event_is_counted_summed_and_filtered(shop: House) -> None:
    builder = Builder(shop.browser("marketer"), "/segments/new").do("add-rule:g1").do(r1__field="event")
    assert "Not counted yet: a value is missing." in builder.words
    assert '<option value="purchase">' in builder.page
    builder.do(r1__event="Purchase")
    assert "By itself: 4" in builder.words
    builder.do(r1__op="lt", r1__v="3")
    assert "By itself: 11" in builder.words, "who never bought bought fewer than three times"
    builder.do(r1__measure="sum")
    assert '<option value="branch">' in builder.page
    builder.do(r1__property="amount", r1__op="gt", r1__v="25")
    assert "By itself: 2" in builder.words
    builder.do("add-w:r1").do(r1__wp="branch", r1__wo="eq", r1__wv="7")
    assert "By itself: 1" in builder.words
    builder.do(r1__wv="8")
    assert "By itself: 1" in builder.words, "the number typed is the text told"
    builder.do("add-w:r1").do(r1__wp=["branch", "amount"], r1__wo=["eq", "gte"], r1__wv=["7", "1,000"])
    assert "By itself: 0" in builder.words
    builder.do("drop-w:r1:1").do(r1__span="last", r1__last="2")
    (where,), url = saved(shop, builder, "Bought")
    assert where == {
        "kind": "event", "event": "purchase", "measure": "sum", "property": "amount", "op": "gt", "value": 25,
        "within": {"last": 2, "unit": "days"}, "where": {"all": [{"property": "branch", "op": "in", "value": [7, "7"]}]},
    }  # fmt: skip
    why = unescape(re.sub(r"<[^>]+>", "", asked(shop.browser("marketer"), f"{url}/why", "0").text))
    assert "now: sum 30" in why


def test_a_moment_is_compared_with_days_and_what_was_typed_for_numbers_is_gone(shop: House) -> None:
    builder = Builder(shop.browser("marketer"), "/segments/new").do("add-rule:g1").do(r1__field="event")
    builder.do(r1__event="purchase", r1__v="3").do(r1__measure="first").do(r1__op="in_last", r1__v="7")
    assert "the first event “purchase” is in the last 7 days" in builder.words
    assert "By itself: 4" in builder.words
    builder.do(r1__op="before")
    assert 'type="date" name="r1.v" id="r1-v" value=""' in builder.page
    builder.do(r1__v="2026-01-01")
    assert "By itself: 0" in builder.words


def test_one_thing_and_not_the_other(shop: House) -> None:
    builder = Builder(shop.browser("marketer"), "/segments/new").do("add-rule:g1").do(r1__field="sequence")
    builder.do(r1__event="quote", r1__then="purchase")
    assert "By itself: 1" in builder.words
    builder.do(r1__happened="false")
    assert "until then it may still happen" in builder.words
    assert "By itself: 1" in builder.words, "the quote of two days ago may still be followed"
    builder.do(r1__span="ever")
    assert "By itself: 2" in builder.words
    builder.do("add-x:r1").do(r1__xp="amount", r1__xo="gt", r1__xv="400")
    assert "By itself: 3" in builder.words
    (where,), _ = saved(shop, builder, "Quoted")
    then = {"event": "purchase", "where": {"all": [{"property": "amount", "op": "gt", "value": 400}]}}
    assert where == SEQUENCE | {"first": {"event": "quote", "where": {"all": []}}, "then": then, "happened": False}


def test_an_event_that_nobody_did_is_allowed_and_said(shop: House) -> None:
    builder = Builder(shop.browser("marketer"), "/segments/new").do("add-rule:g1").do(r1__field="event")
    builder.do(r1__event="wedding")
    assert "Nobody has done this yet: wedding" in builder.words
    builder.do(r1__event="a wedding")
    assert "An event is named by small letters" in builder.words
    assert builder.save(name="Wedding").status_code == 422
    assert builder.save(name="Wedding", r1__event="wedding").status_code == 303


def test_facts_of_the_bank(shop: House) -> None:
    marketer = shop.browser("marketer")
    assert "bank.outcome" not in Builder(marketer, "/segments/new").do("add-rule:g1").page
    with shop.unit() as session:
        programme = programmes.create(session, ProgrammeInput(name="Premium"), by=system(shop.organisation_id))
    builder = Builder(marketer, "/segments/new").do("add-rule:g1").do(r1__field="bank.balance").do(r1__v="15,000.00")
    assert "the balance of every day of this month, as far as it goes, is at least 15000.00" in builder.words
    builder.do(r1__days="at_least").do(r1__k="40")
    assert "This number is out of range." in builder.words
    builder.do(r1__k="12", r1__month="previous").do("add-rule:g1").do(r2__field="bank.outcome")
    assert "the contact qualified in the programme “Premium” for last month" in builder.words
    (balance, outcome), _ = saved(shop, builder, "Rich")
    assert balance == BALANCE | {"days": {"at_least": 12}, "month": "previous"}
    assert outcome == {
        "kind": "bank", "fact": "outcome", "month": "previous", "programme": str(programme.id), "op": "eq", "value": "qualified",
    }  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        {"r1.field": "event", "r1.wo": ["eq", "eq"], "r1.wp": ["a"], "r1.wv": []},
        {"r1.field": "event", "r1.measure": "x", "r1.op": "y", "r1.v": ["1", "2", "3"]},
        {"r1.field": "event", "r1.event": "a", "r1.wo": ["sounds_like"], "r1.wp": ["\x00"], "r1.wv": ["9" * 600]},
        {"r1.field": "sequence", "r1.span": "last", "r1.last": "x", "r1.happened": "perhaps"},
        {"r1.field": "bank.balance", "r1.month": "20ab", "r1.days": "some", "r1.k": "x"},
        {"r1.field": "bank.outcome", "r1.programme": "x", "r1.month": "2026-99"},
        {"r1.field": "bank.wish"},
    ],
)  # fmt: skip
def test_a_damaged_row_is_told_off_kindly(shop: House, said: dict[str, Any]) -> None:
    with shop.unit() as session:
        programmes.create(session, ProgrammeInput(name="Premium"), by=system(shop.organisation_id))
    marketer = shop.browser("marketer")
    for order in ("", "add-w:r1", "drop-w:r1:7", "drop-x:r1:0", "add-w:g1", "drop-w:r1:", "undo"):
        form = {"t": ["g:g1", "r:r1", "/"], "do": order, **said}
        assert marketer.post("/segments/build", form).status_code == 200
