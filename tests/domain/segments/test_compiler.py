"""The compiler against an independent evaluator: random definitions over two hundred contacts must agree."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.access.models import Organisation
from app.domain.segments import compiler, explain, fields, membership
from app.domain.segments.check import check
from app.domain.segments.definition import Definition
from tests.domain.segments import oracle
from tests.domain.segments.made import CITIES, DATES, FIRST_NAMES, LAST_NAMES, NOW, TAGS, Made, everything

TEXTS = [c for c in CITIES if c] + [
    "a",
    "_",
    "%",
    "\\",
    "'; DROP TABLE contacts; --",
    "אביב",
    "he",
    "IL",
    "lead",
    "gold",
    "%s",
    ":x",
]


@pytest.fixture
def made(session: Session, organisation: Organisation) -> Iterator[list[Made]]:
    with clock.at(NOW):
        yield everything(session)


def matching(session: Session, definition: Definition) -> set[Any]:
    here = compiler.contact.c.id
    return set(
        session.execute(select(here).where(compiler.present(), compiler.predicate(session, definition))).scalars()
    )


def found(session: Session, definition: dict[str, Any]) -> set[Any]:
    return matching(session, check(session, definition))


def expected(made: list[Made], definition: dict[str, Any]) -> set[Any]:
    zone = definition.get("zone", "organisation")
    return {one.id for one in made if not one.row["deleted_at"] and oracle.holds(definition["where"], one, zone)}


def a_field(chance: random.Random, made: list[Made], known: fields.Catalogue) -> dict[str, Any]:
    info = chance.choice([f for f in known.fields.values() if f.name != "updated_at"])
    return compared(chance, made, known, info, chance.choice(info.ops))


def compared(
    chance: random.Random, made: list[Made], known: fields.Catalogue, info: fields.Field, op: str
) -> dict[str, Any]:
    node: dict[str, Any] = {"kind": "field", "field": info.name, "op": op}
    if op in ("is_set", "is_not_set"):
        return node
    if op in fields.RELATIVE:
        unit = "days" if op in ("in_next", "anniversary_in") else chance.choice(["days", "weeks", "months", "years"])
        return node | {"value": chance.choice([0, 1, 2, 8, 30]), "unit": unit}
    one = chance.choice(made)
    pick = {
        "email": lambda: chance.choice(one.emails or ["nobody@mail.example"]),
        "phone": lambda: chance.choice(one.phones or ["+972523334444"]),
        "first_name": lambda: a_name(chance, FIRST_NAMES, op),
        "last_name": lambda: a_name(chance, LAST_NAMES, op),
        "email_domain": lambda: chance.choice(["mail.example", "bank.example", "example"]),
        "groups": lambda: chance.choice(list(known.groups)),
        "tags": lambda: chance.choice(TAGS),
        "status": lambda: chance.choice(["active", "bounced"]),
        "external_id": lambda: str(chance.randrange(220)),
        "properties.hobbies": lambda: chance.choice(["golf", "שחייה"]),
    }.get(info.name) or {
        "text": lambda: chance.choice(TEXTS),
        "number": lambda: chance.choice([0, 15000, "15000.00", 14999.99, 50, -3]),
        "boolean": lambda: chance.choice([True, False]),
        "date": lambda: chance.choice(DATES),
        "moment": lambda: chance.choice(DATES),
    }[info.type]  # fmt: skip
    if op in fields.MANY:
        return node | {"value": [pick() for _ in range(chance.choice([1, 2, 3]))]}
    if op == "between":
        pair = sorted([pick(), pick()], key=lambda v: float(v) if info.type == "number" else v)
        return node | {"value": pair}
    return node | {"value": pick()}


def a_name(chance: random.Random, known: list[str | None], op: str) -> str:
    """One of the names, or what one begins with."""
    name = chance.choice([one for one in known if one and one != "!"])
    return name[: chance.randrange(1, min(len(name), 20) + 1)] if op == "starts_with" else name


def a_condition(chance: random.Random, made: list[Made], known: fields.Catalogue) -> dict[str, Any]:
    kind = chance.choices(["field", "consent", "message"], [8, 1, 2])[0]
    if kind == "field":
        return a_field(chance, made, known)
    if kind == "consent":
        value = chance.choice(["granted", "withdrawn", "unknown"])
        return {
            "kind": kind,
            "channel": chance.choice(["sms", "email"]),
            "op": chance.choice(["eq", "neq"]),
            "value": value,
        }
    node: dict[str, Any] = {"kind": kind, "did": chance.choice(["sent", "delivered", "opened", "clicked", "failed"])}
    if node["did"] == "opened":
        node["who"] = chance.choice(["human", "any"])
    if chance.random() < 0.4:
        node["channel"] = chance.choice(["sms", "email"])
    if chance.random() < 0.5:
        node["times"] = {"op": chance.choice(["eq", "neq", "gt", "gte", "lt", "lte"]), "value": chance.randrange(4)}
    if chance.random() < 0.5:
        node["within"] = {"last": chance.choice([1, 2, 30]), "unit": chance.choice(["days", "weeks", "months"])}
    return node


def a_tree(chance: random.Random, made: list[Made], known: fields.Catalogue, depth: int) -> dict[str, Any]:
    if depth == 0 or chance.random() < 0.35:
        return a_condition(chance, made, known)
    if chance.random() < 0.25:
        return {"not": a_tree(chance, made, known, depth - 1)}
    return {
        chance.choice(["all", "any"]): [
            a_tree(chance, made, known, depth - 1) for _ in range(chance.choice([0, 1, 2, 3]))
        ]
    }


@pytest.mark.parametrize("seed", range(3))
def test_random_definitions_agree_with_the_evaluator(session: Session, made: list[Made], seed: int) -> None:
    chance, known = random.Random(seed), fields.catalogue(session)
    for _ in range(100):
        definition = {"zone": chance.choice(["organisation", "contact"]), "where": a_tree(chance, made, known, 4)}
        assert found(session, definition) == expected(made, definition), definition


def test_every_operator_of_every_field_agrees_with_the_evaluator(session: Session, made: list[Made]) -> None:
    chance, known = random.Random(7), fields.catalogue(session)
    for info, op in [(f, op) for f in known.fields.values() if f.name != "updated_at" for op in f.ops]:
        node = compared(chance, made, known, info, op)
        for definition in ({"where": node}, {"zone": "contact", "where": {"not": node}}):
            assert found(session, definition) == expected(made, definition), definition


def test_an_explanation_says_what_the_select_says(session: Session, made: list[Made]) -> None:
    chance, known = random.Random(11), fields.catalogue(session)
    for _ in range(10):
        definition = check(session, {"where": {"any": [a_tree(chance, made, known, 2) for _ in range(3)]}})
        inside = matching(session, definition)
        for one in made[:12]:
            said = explain.judge(session, definition, one.id)
            assert said.is_in == (one.id in inside)
            for verdict in said.verdicts:
                raw = verdict.condition.dump()
                assert verdict.holds == oracle.holds(raw, one, "organisation"), raw


def test_the_numbers_of_the_builder_are_counts(session: Session, made: list[Made]) -> None:
    first = {"kind": "field", "field": "city", "op": "contains", "value": "haifa"}
    second = {"kind": "consent", "channel": "sms", "op": "eq", "value": "granted"}
    definition = {"where": {"all": [first, {"not": {"any": [second]}}]}}
    read = check(session, definition)
    numbers = membership.numbers(session, read)
    assert numbers.matched == membership.count(session, read) == len(expected(made, definition))
    assert numbers.everybody == sum(1 for one in made if not one.row["deleted_at"])
    assert numbers.by_condition == {
        "where.all[0]": len(expected(made, {"where": first})),
        "where.all[1].not.any[0]": len(expected(made, {"where": second})),
    }


def test_buckets_are_those_of_the_vault(session: Session, made: list[Made]) -> None:
    from app.domain.access.keyring import vault_of

    wanted = {one.id for one in made if vault_of(session).bucket("spring", one.id) <= 999 and not one.row["deleted_at"]}
    assert found(session, {"where": {"kind": "bucket", "salt": "spring", "from": 0, "to": 999}}) == wanted
    assert len(wanted) < 60
