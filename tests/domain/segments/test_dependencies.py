"""What a definition depends on is told whole: nobody is forgotten when something changes."""

from typing import Any
from uuid import UUID

import pytest

from app.domain.segments import dependencies
from app.domain.segments.definition import parse
from app.domain.segments.dependencies import Dependencies
from app.domain.segments.kinds import KINDS

OTHER = "00000000-0000-0000-0000-00000000000a"
CITY = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
NAME = {"kind": "field", "field": "first_name", "op": "starts_with", "value": "Da"}
LOGIN: dict[str, Any] = {"kind": "event", "event": "login"}
QUOTED: dict[str, Any] = {"kind": "sequence", "first": {"event": "quote"}, "then": {"event": "purchase"}}
JOINED = {"kind": "field", "field": "properties.joined", "op": "in_last", "value": 30, "unit": "days"}
SENT = {"kind": "message", "did": "sent"}
BALANCE: dict[str, Any] = {"kind": "bank", "fact": "balance", "days": "every", "op": "gte", "value": 5}
OUTCOME: dict[str, Any] = {"kind": "bank", "fact": "outcome", "programme": OTHER}
WITHIN: dict[str, Any] = {"within": {"last": 3, "unit": "days"}}

CASES: list[tuple[dict[str, Any], Dependencies]] = [
    (CITY, Dependencies(fields=frozenset({"city"}))),
    (NAME, Dependencies(fields=frozenset({"first_name"}))),
    (JOINED, Dependencies(fields=frozenset({"properties.joined"}), relative=True)),
    ({"kind": "consent", "channel": "sms"}, Dependencies(consent=True)),
    (SENT, Dependencies(messages=True)),
    (SENT | {"within": {"from": "2026-01-01"}}, Dependencies(messages=True)),
    (SENT | WITHIN, Dependencies(messages=True, relative=True)),
    ({"kind": "segment", "segment": OTHER}, Dependencies(segments=frozenset({UUID(OTHER)}))),
    (
        {"kind": "field", "field": "last_activity_at", "op": "is_set"},
        Dependencies(frozenset({"last_activity_at"}), frozenset({"*"}), messages=True),
    ),
    (LOGIN, Dependencies(events=frozenset({"login"}))),
    (LOGIN | {"where": {"all": [{"property": "p", "op": "is_set"}]}}, Dependencies(events=frozenset({"login"}))),
    (LOGIN | WITHIN, Dependencies(events=frozenset({"login"}), relative=True)),
    (
        LOGIN | {"measure": "last", "op": "not_in_last", "value": 3},
        Dependencies(events=frozenset({"login"}), relative=True),
    ),
    (QUOTED | WITHIN, Dependencies(events=frozenset({"quote", "purchase"}))),
    (QUOTED | WITHIN | {"happened": False}, Dependencies(events=frozenset({"quote", "purchase"}), relative=True)),
    (BALANCE | {"month": "2026-10"}, Dependencies(bank=True)),
    (BALANCE | {"days": {"on": "2026-10-09"}}, Dependencies(bank=True)),
    (BALANCE, Dependencies(bank=True, relative=True)),
    (OUTCOME | {"month": "2026-10"}, Dependencies(bank=True)),
    (OUTCOME | {"month": "previous"}, Dependencies(bank=True, relative=True)),
    ({"kind": "bucket", "salt": "x", "from": 0, "to": 9}, Dependencies()),
]


@pytest.mark.parametrize(("where", "needed"), CASES, ids=lambda one: one.get("kind") if isinstance(one, dict) else "")
def test_a_condition_tells_what_it_needs(where: dict[str, Any], needed: Dependencies) -> None:
    assert dependencies.of(parse({"where": where})) == needed
    assert dependencies.of(parse({"where": {"not": {"any": [where]}}})) == needed


def test_every_kind_is_told_of() -> None:
    assert {where["kind"] for where, _ in CASES} == set(KINDS)


def test_a_definition_needs_what_any_of_its_conditions_needs() -> None:
    where = {"all": [CITY, {"any": [JOINED, {"not": SENT}]}]}
    expected = Dependencies(fields=frozenset({"city", "properties.joined"}), messages=True, relative=True)
    assert dependencies.of(parse({"where": where})) == expected


def test_by_each_contacts_own_day_his_time_zone_counts() -> None:
    found = dependencies.of(parse({"zone": "contact", "where": JOINED}))
    assert found.fields == {"properties.joined", "timezone"}
    assert dependencies.of(parse({"zone": "contact", "where": CITY})).fields == {"city"}
