"""Conditions about what contacts did: counted and measured events, one event after another; against plain Python."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.access.models import Organisation
from app.domain.segments import explain, fields, membership, saying, words
from app.domain.segments.check import check
from app.domain.segments.kinds.event import MOMENTS, OF_PROPERTY, OPS
from app.domain.segments.saying import Names
from tests.domain.segments import histories
from tests.domain.segments.histories import HOME, NAMES, NOW, Person
from tests.domain.segments.test_compiler import found
from tests.factories import people

TODAY = NOW.astimezone(HOME).date()
DAYS = [str(TODAY - timedelta(days=n)) for n in (0, 1, 2, 7, 14)]


@pytest.fixture
def persons(session: Session, organisation: Organisation, request: pytest.FixtureRequest) -> Iterator[list[Person]]:
    with clock.at(NOW):
        yield histories.made(session, 150, getattr(request, "param", 1))


def a_where(chance: random.Random) -> dict[str, Any]:
    def one() -> dict[str, Any]:
        op = chance.choice(["eq", "neq", "gt", "lte", "contains", "in", "not_in", "is_set", "is_not_set"])
        node = {"property": chance.choice(["amount", "branch"]), "op": op}
        plain: list[Any] = ["Haifa", "7", 7, 5, 2.5]
        value = {
            "gt": 2, "lte": 5, "contains": "hai", "in": chance.sample(plain, 2), "not_in": chance.sample(plain, 2),
        }.get(op, chance.choice(plain))  # fmt: skip
        return node if op in fields.SET else node | {"value": value}

    return {"all": [one() for _ in range(chance.choice([0, 0, 1, 2]))]}


def a_time(chance: random.Random) -> dict[str, Any] | None:
    first, last = sorted(chance.sample(DAYS, 2))
    times: list[dict[str, Any] | None] = [
        None, {"last": chance.choice([1, 24, 48]), "unit": "hours"}, {"last": chance.choice([1, 2, 14]), "unit": "days"},
        {"last": 1, "unit": "weeks"}, {"last": 1, "unit": "months"}, {"from": first, "to": last}, {"from": first}, {"to": last},
    ]  # fmt: skip
    return chance.choice(times)


def an_event(chance: random.Random, measure: str, op: str) -> dict[str, Any]:
    node: dict[str, Any] = {
        "kind": "event", "event": chance.choice(NAMES), "measure": measure, "op": op, "where": a_where(chance),
    }  # fmt: skip
    if measure in OF_PROPERTY:
        node["property"] = chance.choice(["amount", "amount", "branch"])
    if within := a_time(chance):
        node["within"] = within
    if op in fields.SET:
        return node
    if op in fields.RELATIVE:
        return node | {"value": chance.choice([0, 1, 7]), "unit": chance.choice(["days", "weeks"])}
    values: list[Any] = DAYS if measure in MOMENTS else [0, 1, 2, 3, 5, -1, 7.5]
    return node | {"value": sorted(chance.sample(values, 2)) if op == "between" else chance.choice(values)}


def a_sequence(chance: random.Random) -> dict[str, Any]:
    node: dict[str, Any] = {"kind": "sequence", "happened": chance.random() < 0.5}
    for part in ("first", "then"):
        node[part] = {"event": chance.choice(NAMES), "where": a_where(chance)}
    within = a_time(chance)
    if within and within.get("unit") == "months":  # no fixed length
        within = {"last": 30, "unit": "days"}
    return node | ({"within": within} if within else {})


def expected(persons: list[Person], node: dict[str, Any]) -> set[Any]:
    return {one.id for one in persons if histories.holds(node, one)}


def test_every_operator_of_every_measure_agrees_with_the_evaluator(session: Session, persons: list[Person]) -> None:
    chance = random.Random(3)
    sizes = set()
    for measure, ops in OPS.items():
        for op in ops:
            for _ in range(6):
                node = an_event(chance, measure, op)
                for where in (node, {"not": node}):
                    assert found(session, {"where": where}) == expected(persons, where), where
                sizes.add(len(expected(persons, node)))
    assert len(sizes) > 30


@pytest.mark.parametrize("persons", [5, 6], indirect=True)
def test_sequences_agree_with_the_evaluator(session: Session, persons: list[Person]) -> None:
    chance = random.Random(len(persons))
    sizes = set()
    for _ in range(120):
        node = a_sequence(chance)
        assert found(session, {"where": node}) == expected(persons, node), node
        sizes.add(len(expected(persons, node)))
    assert len(sizes) > 12


def test_trees_of_them_agree_and_an_explanation_says_the_same(session: Session, persons: list[Person]) -> None:
    chance = random.Random(9)
    for _ in range(15):
        ops = [(measure, op) for measure, some in OPS.items() for op in some]
        parts = [
            an_event(chance, *chance.choice(ops)),
            {"not": a_sequence(chance)},
            {"any": [an_event(chance, "count", "lt")]},
        ]
        where = {chance.choice(["all", "any"]): parts}
        assert found(session, {"where": where}) == expected(persons, where), where
        definition = check(session, {"where": where})
        numbers = membership.numbers(session, definition)
        assert numbers.matched == len(expected(persons, where))
        for one in persons[:6]:
            said = explain.judge(session, definition, one.id)
            assert said.is_in == histories.holds(where, one)
            for verdict in said.verdicts:
                assert verdict.holds == histories.holds(verdict.condition.dump(), one)


def sentence(session: Session, where: dict[str, Any]) -> str:
    said = words.sentence(check(session, {"where": where}), Names(fields.catalogue(session)))
    return saying.spoken(said, str).removeprefix("Everybody for whom ")


LOGIN = {"kind": "event", "event": "login"}
QUOTE = {"kind": "sequence", "first": {"event": "quote"}, "then": {"event": "purchase"}}
HAIFA = {"all": [{"property": "branch", "op": "in", "value": ["Haifa", 7]}, {"property": "amount", "op": "is_set"}]}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (LOGIN, "the event “login” happened."),
        (LOGIN | {"op": "lt", "value": 3, "within": {"last": 30, "unit": "days"}},
         "the event “login” happened fewer than 3 times in the last 30 days."),
        (LOGIN | {"op": "between", "value": [2, 4]}, "the event “login” happened from 2 to 4 times."),
        (LOGIN | {"where": HAIFA}, "the event “login” (“branch” is one of “Haifa”, 7 and “amount” is known) happened."),
        (LOGIN | {"measure": "sum", "property": "amount", "op": "gte", "value": 5000, "within": {"from": "2026-01-01"}},
         "the sum of “amount” of the events “login” since 2026-01-01 is at least 5000."),
        (LOGIN | {"measure": "first", "op": "in_last", "value": 7, "unit": "days"},
         "the first event “login” is in the last 7 days."),
        (QUOTE | {"within": {"last": 14, "unit": "days"}},
         "the contact did “quote” and then “purchase” within 14 days after it."),
        (QUOTE | {"within": {"last": 14, "unit": "days"}, "happened": False},
         "the contact did “quote” and not “purchase” within 14 days after it, and this time is over."),
        (QUOTE | {"within": {"from": "2026-01-01", "to": "2026-01-31"}},
         "the contact did “quote” and then “purchase”, both from 2026-01-01 to 2026-01-31."),
        (QUOTE | {"happened": False}, "the contact did “quote” and has not done “purchase” after it."),
    ],
)  # fmt: skip
def test_a_condition_is_said_in_words(session: Session, organisation: Organisation, where: Any, said: str) -> None:
    assert sentence(session, where) == said


def test_what_a_contact_did_is_told_with_the_verdict(session: Session, organisation: Organisation) -> None:
    one = Person(people.contacts(session, 1)[0])
    day, hour = timedelta(days=1), timedelta(hours=1)
    one.events = [("quote", NOW - 20 * day, {"amount": 10}), ("quote", NOW - 3 * day, {"amount": 2.5})]
    one.events += [("purchase", NOW - 3 * day + hour, {"amount": "7"})]
    histories.tell(session, [one])

    def told(**node: Any) -> tuple[bool, str]:
        verdict = explain.judge(session, check(session, {"where": node}), one.id).verdicts[0]
        return verdict.holds, saying.spoken(verdict.condition.shown(verdict.value), str)

    quote = {"kind": "event", "event": "quote"}
    with clock.at(NOW):
        assert told(**quote, op="gte", value=3) == (False, "2 times")
        assert told(kind="event", event="login", op="eq", value=0) == (True, "0 times")
        assert told(**quote, measure="sum", property="amount", op="gt", value=10) == (True, "sum 12.5")
        assert told(kind="event", event="purchase", measure="avg", property="amount", op="neq", value=7) == (
            True,
            "None",
        )
        assert told(**quote, measure="last", op="before", value="2026-01-01") == (False, f"last on {NOW - 3 * day}")
        after = told(**QUOTE, within={"last": 14, "unit": "days"}, happened=False)
        assert after == (True, f"“quote” last on {NOW - 3 * day}, “purchase” on {NOW - 3 * day + hour}")
        none = told(kind="sequence", first={"event": "purchase"}, then={"event": "login"})
        assert none == (False, f"“purchase” last on {NOW - 3 * day + hour}, no “login” after it")


def test_without_op_and_value_it_is_at_least_once(session: Session, organisation: Organisation) -> None:
    assert check(session, {"where": LOGIN}).dump()["where"] == LOGIN | {
        "measure": "count", "op": "gte", "value": 1, "where": {"all": []},
    }  # fmt: skip
