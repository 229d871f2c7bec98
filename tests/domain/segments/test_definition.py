"""What is refused, and where the error says it is."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.errors import Invalid
from app.domain.access.models import Organisation
from app.domain.contacts.models import PropertyDefinition
from app.domain.segments import definition as grammar
from app.domain.segments.check import check


def issues(session: Session, where: Any, **head: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        check(session, {**head, "where": where})
    return {issue.field: issue.message for issue in refused.value.details}


def field(name: str, op: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"kind": "field", "field": name, "op": op, **({} if value is None else {"value": value}), **more}


CITY = field("city", "eq", "Haifa")
BALANCE = {"kind": "bank", "fact": "balance", "op": "gte", "value": 5}
NOBODY = "00000000-0000-0000-0000-000000000000"
LOGIN = {"kind": "event", "event": "login"}


MISTAKES: list[tuple[Any, str]] = [
    (None, "where"),
    ([], "where"),
    ({"all": {}}, "where.all"),
    ({"all": [CITY], "any": []}, "where"),
    ({"all": [CITY, 5]}, "where.all[1]"),
    ({"all": [CITY, {"not": {"kind": "wish"}}]}, "where.all[1].not.kind"),
    ({"kind": ["field"]}, "where.kind"),
    ({"all": [LOGIN | {"event": "Log in"}]}, "where.all[0].event"),
    (LOGIN | {"measure": "median"}, "where.measure"),
    (LOGIN | {"measure": "sum", "op": "gte", "value": 5}, "where.property"),
    (LOGIN | {"property": "amount"}, "where.property"),
    (LOGIN | {"op": "before", "value": "2026-01-01"}, "where.op"),
    (LOGIN | {"op": "gte"}, "where.value"),
    (LOGIN | {"op": "gte", "value": "many"}, "where.value"),
    (LOGIN | {"op": "is_set"}, "where.op"),
    (LOGIN | {"measure": "first", "op": "gte", "value": 5}, "where.op"),
    (LOGIN | {"measure": "first", "op": "before", "value": 5}, "where.value"),
    (LOGIN | {"measure": "last", "op": "in_last", "value": {"last": 5, "unit": "hours"}}, "where.unit"),
    (LOGIN | {"within": {}}, "where.within"),
    (
        LOGIN | {"where": {"all": [{"property": "a", "op": "is_set"}, {"property": "b", "op": "gt", "value": "c"}]}},
        "where.where.all[1]",
    ),
    (LOGIN | {"where": {"all": [{"property": "a", "value": {"x": 1}}]}}, "where.where.all[0].value"),
    (LOGIN | {"where": {"any": []}}, "where.where.any"),
    ({"any": [{"kind": "sequence", "first": {"event": "a"}}]}, "where.any[0].then"),
    ({"kind": "sequence", "first": {"event": "a"}, "then": {"event": "b"}, "happened": "maybe"}, "where.happened"),
    ({"kind": "bank"}, "where.fact"),
    ({"kind": "bank", "fact": "wish"}, "where.fact"),
    (BALANCE | {"value": "much"}, "where.value"),
    (BALANCE | {"op": "before"}, "where.op"),
    (BALANCE | {"days": "some"}, "where.days"),
    (BALANCE | {"days": {"at_least": 3, "on": "2026-10-01"}}, "where.days"),
    (BALANCE | {"days": {"at_least": 32}}, "where.days.at_least"),
    (BALANCE | {"days": {"at_least": True}}, "where.days.at_least"),
    (BALANCE | {"days": {"on": "2026-02-30"}}, "where.days.on"),
    (BALANCE | {"days": []}, "where.days"),
    (BALANCE | {"month": "2026-13"}, "where.month"),
    (BALANCE | {"month": "9999-12"}, "where.month"),
    (BALANCE | {"month": "next"}, "where.month"),
    ({"kind": "bank", "fact": "outcome"}, "where.programme"),
    ({"kind": "bank", "fact": "outcome", "programme": NOBODY, "value": "rich"}, "where.value"),
    ({"kind": "bank", "fact": "outcome", "programme": NOBODY}, "where.programme"),
    (field("first_name", "contains", "x"), "where.op"),
    (field("first_name", "eq", "–"), "where.value"),
    (field("last_name", "starts_with", "more than twenty letters"), "where.value"),
    (field("password", "eq", "x"), "where.field"),
    (field("city", "gt", "x"), "where.op"),
    (field("email", "contains", "x"), "where.op"),
    ({"all": [CITY, field("engagement_score", "gt", "many")]}, "where.all[1].value"),
    (field("engagement_score", "gt", True), "where.value"),
    (field("engagement_score", "eq", "NaN"), "where.value"),
    (field("engagement_score", "between", [5, 1]), "where.value"),
    (field("engagement_score", "between", [5]), "where.value"),
    (field("city", "eq", 5), "where.value"),
    (field("city", "eq", " "), "where.value"),
    (field("city", "is_set", "x"), "where.value"),
    (field("city", "in", "Haifa"), "where.value"),
    (field("city", "in", []), "where.value"),
    (field("city", "in", ["a", 5]), "where.value[1]"),
    (field("city", "in", [str(n) for n in range(1001)]), "where.value"),
    (field("city", "eq", "x", unit="days"), "where.unit"),
    (field("status", "eq", "asleep"), "where.value"),
    (field("created_at", "on", "2026-02-30"), "where.value"),
    (field("created_at", "on", "9999-12-31"), "where.value"),
    (field("created_at", "in_last", "30"), "where.value"),
    (field("created_at", "in_last", -1), "where.value"),
    (field("created_at", "in_last", 3, unit="fortnights"), "where.unit"),
    (field("properties.is_member", "is", "true"), "where.value"),
    (field("email", "eq", "not an address"), "where.value"),
    (field("phone", "in", ["+972522000001", "12"]), "where.value[1]"),
    (field("groups", "has_any", ["No such group"]), "where.value[0]"),
    ({"kind": "consent", "channel": "fax"}, "where.channel"),
    ({"kind": "message", "did": "reread"}, "where.did"),
    ({"kind": "message", "did": "sent", "within": {"from": "2026-13-01"}}, "where.within"),
    ({"kind": "message", "did": "sent", "times": {"op": "about", "value": 2}}, "where.times.op"),
    ({"kind": "bucket", "salt": "x", "from": 9, "to": 3}, "where"),
    ({"kind": "bucket", "salt": "x", "from": 0, "to": 10000}, "where.to"),
    ({"kind": "segment", "segment": "x"}, "where.segment"),
    ({"kind": "segment", "segment": "00000000-0000-0000-0000-000000000000"}, "where.segment"),
    (CITY | {"case": "any"}, "where.case"),
]


def test_a_mistake_is_named_by_its_path(session: Session, organisation: Organisation) -> None:
    session.add(
        PropertyDefinition(
            organisation_id=organisation.id, key="is_member", label="", type="boolean", created_at=clock.now()
        )
    )
    session.flush()
    assert [(where, [place]) for where, place in MISTAKES] == [
        (where, list(issues(session, where))) for where, _ in MISTAKES
    ]


def test_all_mistakes_are_told_at_once(session: Session, organisation: Organisation) -> None:
    found = issues(session, {"all": [field("city", "gt", "x"), CITY, field("nothing", "eq", "x")]})
    assert list(found) == ["where.all[0].op", "where.all[2].field"]


def test_the_head_is_checked(session: Session, organisation: Organisation) -> None:
    assert list(issues(session, CITY, version=2)) == ["version"]
    assert list(issues(session, CITY, zone="moon")) == ["zone"]
    assert list(issues(session, CITY, colour="red")) == ["colour"]
    with pytest.raises(Invalid):
        check(session, "everybody")


def test_depth_and_number_are_limited(session: Session, organisation: Organisation) -> None:
    def deep(levels: int) -> dict[str, Any]:
        return {"all": [deep(levels - 1)]} if levels else CITY

    check(session, {"where": deep(grammar.MOST_DEEP)})
    assert "where" in next(iter(issues(session, deep(grammar.MOST_DEEP + 1))))
    check(session, {"where": {"all": [CITY] * grammar.MOST_CONDITIONS}})
    assert issues(session, {"all": [CITY] * (grammar.MOST_CONDITIONS + 5)})
    chain: dict[str, Any] = CITY
    for _ in range(2000):
        chain = {"not": chain}
    assert len(issues(session, chain)) == 1


def test_values_come_back_in_their_normal_form(session: Session, organisation: Organisation) -> None:
    def value(node: dict[str, Any]) -> Any:
        return check(session, {"where": node}).dump()["where"]["value"]

    assert value(field("email", "eq", " Dana@Mail.Example ")) == "dana@mail.example"
    assert value(field("phone", "in", ["052-2345678", "+972522345678"])) == ["+972522345678"]
    assert value(field("email_domain", "eq", "@Mail.Example")) == "mail.example"
    read = check(session, {"where": field("created_at", "in_last", {"last": 2, "unit": "weeks"})}).dump()["where"]
    assert (read["value"], read["unit"]) == (2, "weeks")


def test_what_is_read_is_what_is_written(session: Session, organisation: Organisation) -> None:
    written = {
        "version": 1,
        "zone": "contact",
        "where": {
            "all": [
                field("engagement_score", "gte", 15000),
                {"not": field("tags", "has_any", ["staff"])},
                {"any": [{"kind": "bucket", "salt": "spring", "from": 0, "to": 999}]},
            ]
        },
    }
    assert check(session, written).dump() == written
