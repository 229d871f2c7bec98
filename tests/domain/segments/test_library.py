"""Segments by name: versions, use, cycles, audiences, injection, isolation."""

import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.core.errors import Conflict, Forbidden, Invalid, NotFound, Stale, Unavailable
from app.core.page import Ask
from app.core.unit import act_as
from app.domain.access import users
from app.domain.access.models import Organisation
from app.domain.contacts.models import PropertyDefinition
from app.domain.segments import explain, fields, library, members, membership, saying, words
from app.domain.segments.check import check
from app.domain.segments.library import SegmentInput
from app.domain.segments.models import Segment
from tests.factories import people


def field(name: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"kind": "field", "field": name, "op": op, **({} if value is None else {"value": value})}


def inside(segment: Segment, op: str = "in") -> dict[str, Any]:
    return {"kind": "segment", "segment": str(segment.id), "op": op}


def new(name: str, where: dict[str, Any]) -> SegmentInput:
    return SegmentInput(name=name, definition={"where": where})


@pytest.fixture
def by(organisation: Organisation) -> Actor:
    return system(organisation.id)


@pytest.fixture
def haifa(session: Session, by: Actor) -> Segment:
    people.contacts(session, 6, city="Haifa")
    people.contacts(session, 4, start=6, city="Eilat")
    return library.create(session, new("Haifa", field("city", "eq", "Haifa")), by=by)


def test_a_segment_is_counted_when_it_is_made_and_when_it_changes(session: Session, haifa: Segment, by: Actor) -> None:
    assert (haifa.size, haifa.version) == (6, 1)
    same = library.update(session, haifa.id, new("Haifa", field("city", "eq", "Haifa")), version=1, by=by)
    assert same.version == 1
    library.update(session, haifa.id, new("Haifa", field("city", "eq", "Eilat")), version=1, by=by)
    assert (haifa.size, haifa.version) == (4, 2)
    with pytest.raises(Stale):
        library.update(session, haifa.id, new("Haifa", field("city", "is_set")), version=1, by=by)


def test_names_are_taken_only_by_what_is_not_archived(session: Session, haifa: Segment, by: Actor) -> None:
    with pytest.raises(Invalid) as refused:
        library.create(session, new(" HAIFA ", field("city", "is_set")), by=by)
    assert [i.field for i in refused.value.details] == ["name"]
    library.archive(session, haifa.id, by=by)
    assert library.create(session, new("Haifa", field("city", "is_set")), by=by).size == 10
    assert [s.name for s in library.listed(session, Ask(), by=by).items] == ["Haifa"]
    assert len(library.listed(session, Ask(), by=by, is_archived=True).items) == 1


def test_what_is_used_is_not_archived(session: Session, haifa: Segment, by: Actor) -> None:
    other = library.create(session, new("Others", inside(haifa, "not_in")), by=by)
    assert other.size == 4
    assert [u.by_name for u in library.users_of(session, haifa, by=by)] == ["Others"]
    with pytest.raises(Conflict):
        library.archive(session, haifa.id, by=by)
    library.update(session, other.id, new("Others", field("city", "is_set")), by=by)
    library.archive(session, haifa.id, by=by)


def test_a_segment_cannot_contain_itself(session: Session, haifa: Segment, by: Actor) -> None:
    second = library.create(session, new("Second", inside(haifa)), by=by)
    third = library.create(session, new("Third", {"not": inside(second)}), by=by)
    for segment in (haifa, second, third):
        with pytest.raises(Invalid) as refused:
            library.update(session, haifa.id, new("Haifa", {"any": [inside(segment)]}), by=by)
        assert [i.field for i in refused.value.details] == ["definition.where.any[0].segment"]


def test_a_circle_made_behind_our_back_is_refused_and_not_followed(session: Session, haifa: Segment, by: Actor) -> None:
    haifa.definition = {"version": 1, "zone": "organisation", "where": inside(haifa)}
    session.flush()
    with pytest.raises(Conflict):
        membership.audience(session, [haifa.id], [])
    members.refresh(session, haifa, "recount")
    assert haifa.size is None


def test_segments_that_name_each_other_often_stay_bearable(session: Session, haifa: Segment, by: Actor) -> None:
    last = library.create(session, new("0", {"all": [inside(haifa)] * 20}), by=by)
    last = library.create(session, new("1", {"all": [inside(last)] * 10}), by=by)
    with pytest.raises(Invalid) as refused:
        library.create(session, new("2", {"all": [inside(last)] * 10}), by=by)
    assert [i.field for i in refused.value.details] == ["definition.where"]


def test_an_audience_is_a_union_without_those_left_out(session: Session, haifa: Segment, by: Actor) -> None:
    eilat = library.create(session, new("Eilat", field("city", "eq", "Eilat")), by=by)
    first = library.create(session, new("First", field("external_id", "in", ["0", "1", "6"])), by=by)

    def size(include: list[UUID], exclude: list[UUID]) -> int:
        return len(set(session.execute(membership.audience(session, include, exclude)).scalars()))

    assert size([], []) == 10
    assert size([haifa.id, eilat.id], []) == 10
    assert size([haifa.id, first.id], []) == 7
    assert size([haifa.id], [first.id]) == 4
    assert size([], [haifa.id]) == 4
    assert size([haifa.id], [haifa.id]) == 0
    session.execute(text("UPDATE contacts SET deleted_at = now() WHERE external_id = '0'"))
    assert size([haifa.id], []) == 5
    with pytest.raises(NotFound):
        membership.audience(session, [UUID(int=0)], [])


def test_personal_values_are_stored_sealed(session: Session, haifa: Segment, by: Actor) -> None:
    where = {
        "any": [field("email", "eq", "client3@mail.example"), field("phone", "in", ["052-2000004", "+972522000005"])]
    }
    segment = library.create(session, new("Three", where), by=by)
    assert segment.size == 3
    stored = session.execute(
        text("SELECT definition::text FROM segments WHERE id = :id"), {"id": segment.id}
    ).scalar_one()
    assert "client3" not in stored
    assert "97252" not in stored
    assert library.definition_of(session, segment).dump()["where"]["any"][0]["value"] == "client3@mail.example"
    assert library.update(session, segment.id, new("Three", where), by=by).version == 1
    said = saying.spoken(
        words.sentence(library.definition_of(session, segment), saying.Names(fields.catalogue(session))), str
    )
    assert "c•••@mail.example" in said, "a sentence is read by everybody"
    assert "+972•••••04" in said
    assert not re.search("client3|972522", said)


@pytest.mark.parametrize(
    "evil", ["'; DROP TABLE contacts; --", '" OR 1=1', "%(x)s", ":name", "$1", "\\'", "{}", "a\x00b"]
)
def test_values_and_keys_are_only_ever_values(
    session: Session, haifa: Segment, by: Actor, organisation: Organisation, evil: str
) -> None:
    key = evil.replace("\x00", "")
    session.add(
        PropertyDefinition(
            organisation_id=organisation.id, key=key, label=key, type="text", created_at=haifa.created_at
        )
    )
    session.flush()
    for name in ("city", f"properties.{key}"):
        for op in ("eq", "contains", "starts_with"):
            assert membership.count(session, check(session, {"where": field(name, op, evil)})) == 0
        assert membership.count(session, check(session, {"where": field(name, "neq", evil)})) == 10
    assert membership.count(session, check(session, {"where": field("tags", "has_any", [evil])})) == 0
    assert (
        membership.count(
            session, check(session, {"where": {"kind": "bucket", "salt": evil.strip("\x00"), "from": 0, "to": 9999}})
        )
        == 10
    )


def test_a_count_that_takes_too_long_is_given_up_and_nothing_else_is_lost(
    session: Session, haifa: Segment, by: Actor
) -> None:
    before = session.execute(text("SHOW statement_timeout")).scalar_one()
    library.update(session, haifa.id, new("Renamed", field("city", "eq", "Haifa")), by=by)
    with pytest.raises(Unavailable), membership.in_time(session, 1):
        session.execute(text("SELECT pg_sleep(5)"))
    assert library.get(session, haifa.id, by=by).name == "Renamed"
    assert session.execute(text("SHOW statement_timeout")).scalar_one() == before
    assert membership.count(session, library.definition_of(session, haifa)) == 6


def test_who_may_what(session: Session, haifa: Segment) -> None:
    viewer = people.staff(session, "viewer")
    assert library.get(session, haifa.id, by=viewer).name == "Haifa"
    for act in (
        lambda: library.create(session, new("x", field("city", "is_set")), by=viewer),
        lambda: library.update(session, haifa.id, new("x", field("city", "is_set")), by=viewer),
        lambda: library.archive(session, haifa.id, by=viewer),
    ):
        with pytest.raises(Forbidden):
            act()


def test_another_organisation_sees_nothing(session: Session, haifa: Segment, by: Actor) -> None:
    other = users.create_organisation(session, users.NewOrganisation(name="Another bank"))
    act_as(session, system(other.id))
    session.expunge_all()
    with pytest.raises(NotFound):
        library.get(session, haifa.id, by=system(other.id))
    assert membership.count(session, check(session, {"where": field("city", "eq", "Haifa")})) == 0


def test_an_explanation_shows_what_the_contact_has(session: Session, haifa: Segment, by: Actor) -> None:
    where = {
        "all": [
            field("city", "eq", "Haifa"),
            field("email", "is_set"),
            {"kind": "consent", "channel": "sms", "value": "granted"},
        ]
    }
    segment = library.create(session, new("All", where), by=by)
    said = explain.explain(session, segment, explain.find(session, "7", by=by), by=by)
    assert not said.is_in
    assert [(v.path, v.holds, v.value) for v in said.verdicts] == [
        ("where.all[0]", False, "Eilat"), ("where.all[1]", True, 1), ("where.all[2]", True, "granted"),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        explain.find(session, "nobody", by=by)


def test_a_definition_is_a_sentence(session: Session, haifa: Segment, by: Actor) -> None:
    where = {
        "all": [
            field("city", "in", ["Haifa", "חיפה"]),
            {"not": inside(haifa)},
            {
                "any": [
                    field("created_at", "in_last", 30),
                    {"kind": "message", "did": "opened", "times": {"op": "gte", "value": 3}},
                ]
            },
        ]
    }
    names = saying.Names(fields.catalogue(session), {haifa.id: "Haifa"})
    said = saying.spoken(words.sentence(check(session, {"where": where}), names), lambda message: message)
    assert said == (
        "Everybody for whom City is one of “Haifa”, “חיפה” and it is not true that the contact is in the segment “Haifa” and "
        "(Created is in the last 30 days or the contact opened a message at least 3 times)."
    )
