"""Which events are meant is decided twice, by the database and in Python: both must say the same of whatever was told."""

import random
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.db import live
from app.domain.access.models import Organisation
from app.domain.events.matching import EventIs, Op, PropertyIs
from app.domain.events.models import Event
from tests.factories import people

ODD: list[Any] = [
    None, True, False, 0, 1, 1.0, -0.0, 12, "12", "12 apples", 0.1, 1e-9, 10**17, 9007199254740993, 9007199254740992.0, 1e23, 10**23,
    "", " ", "true", "null", "ABC", "abc", "İstanbul", "istanbul", "i̇stanbul", "ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ", "Straße", "STRASSE",
    "שלום", "ДА", "да", "é", "É", "e\u0301", "a%b_c\\d", "'; DROP", [], ["ABC"], [1], {}, {"a": 1}, "DŽ", "Dž", "ﬁ", "K", "100",
]  # fmt: skip
SCALARS = [one for one in ODD if isinstance(one, str | int | float) and (isinstance(one, str) or abs(one) < 10**18)]
event = live(Event)


def asked() -> Iterator[PropertyIs]:
    """Every operator with every value it takes."""
    for op in get_args(Op):
        if op in ("is_set", "is_not_set"):
            yield PropertyIs(property="p", op=op)
        elif op in ("in", "not_in"):
            yield from (PropertyIs(property="p", op=op, value=[one, SCALARS[n - 3]]) for n, one in enumerate(SCALARS))
        else:
            for one in SCALARS:
                try:
                    yield PropertyIs(property="p", op=op, value=one)
                except ValidationError:
                    assert op in ("gt", "gte", "lt", "lte", "contains")


def told(session: Session, organisation: Organisation, properties: list[Any]) -> None:
    someone = people.contacts(session, 1)[0]
    same = {
        "organisation_id": organisation.id, "contact_id": someone, "name": "e", "source": "api", "is_verified": True,
        "occurred_at": clock.now(), "received_at": clock.now(),
    }  # fmt: skip
    session.execute(insert(Event), [same | {"properties": one} for one in properties])


def test_the_database_and_python_agree_on_every_operator_and_odd_value(
    session: Session, organisation: Organisation
) -> None:
    told(session, organisation, [{}, {"q": 1}, *({"p": one} for one in ODD)])
    parts = list(asked())
    assert len(parts) > 200
    for start in range(0, len(parts), 200):
        some = parts[start : start + 200]
        columns = [one.compile(event.c.properties).label(f"c{n}") for n, one in enumerate(some)]
        for properties, *found in session.execute(select(event.c.properties, *columns)):
            for one, holds in zip(some, found, strict=True):
                assert holds is one.holds(properties), (one, properties)


@pytest.mark.parametrize("seed", range(3))
def test_whole_conditions_agree_on_random_events(session: Session, organisation: Organisation, seed: int) -> None:
    chance = random.Random(seed)
    rows = [{name: chance.choice(ODD) for name in "pqr" if chance.random() < 0.8} for _ in range(150)]
    told(session, organisation, rows)
    parts = list(asked())
    for _ in range(60):
        some = [chance.choice(parts).model_copy(update={"property": name}) for name in chance.sample("pqr", 2)]
        meant = EventIs.model_validate({"event": chance.choice(["e", "e", "other"]), "where": {"all": some}})
        query = select(event.c.properties, event.c.name, meant.compile(event).label("found"))
        for properties, name, found in session.execute(query):
            assert found is meant.holds(name, properties), (meant, properties)


@pytest.mark.parametrize(
    "wrong",
    [
        {"op": "eq"},
        {"op": "eq", "value": ["a"]},
        {"op": "in", "value": "a"},
        {"op": "in", "value": []},
        {"op": "in", "value": ["x"] * 101},
        {"op": "gt", "value": "12"},
        {"op": "gt", "value": True},
        {"op": "gt", "value": float("inf")},
        {"op": "eq", "value": float("nan")},
        {"op": "eq", "value": 10**18},
        {"op": "eq", "value": "a\0b"},
        {"op": "eq", "value": "a" * 501},
        {"op": "contains", "value": ""},
        {"op": "contains", "value": 5},
        {"op": "is_set", "value": 1},
        {"op": "about", "value": 1},
        {"op": "is_set", "property": "a\0"},
        {"op": "is_set", "property": ""},
        {"op": "is_set", "more": 1},
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_its_operator_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PropertyIs.model_validate({"property": "p", **wrong})
