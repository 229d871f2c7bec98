"""Versions of a segment: kept with every change, compared in words, restored as new ones; and the way out of the archive."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.core.actor import Actor, system
from app.core.errors import Conflict, Forbidden, NotFound, Stale
from app.core.page import Ask
from app.domain.access.models import Organisation
from app.domain.links import used_by
from app.domain.segments import library, versions
from app.domain.segments.library import SegmentInput
from app.domain.segments.models import Segment, SegmentVersion
from tests.domain.segments.kept import (
    EILAT,
    GRANTED,
    HAIFA,
    catch_up,
    change,
    due,
    field,
    inside,
    inside_of,
    made,
    moves,
)
from tests.factories import people


@pytest.fixture
def by(organisation: Organisation) -> Actor:
    return system(organisation.id)


def numbers(session: Session, segment: Segment, by: Actor) -> list[int]:
    return [one.number for one in versions.listed(session, segment.id, Ask(), by=by).items]


def test_every_change_keeps_a_version_and_what_changes_nothing_keeps_none(session: Session, by: Actor) -> None:
    segment = made(session, by, "Haifa", HAIFA)
    change(session, by, segment, HAIFA)
    change(session, by, segment, EILAT)
    library.update(session, segment.id, SegmentInput(name="The south", definition={"where": EILAT}), by=by)
    assert numbers(session, segment, by) == [3, 2, 1]
    found = versions.changes(session, versions.listed(session, segment.id, Ask(), by=by).items)
    assert found[3] == versions.Difference(name=("Haifa", "The south"))
    assert [one.dump() for one in (*found[2].added, *found[2].removed)] == [EILAT, HAIFA]
    assert 1 not in found


def test_the_difference_of_two_versions_names_conditions_groups_zone_and_description(
    session: Session, by: Actor
) -> None:
    vip = field("tags", "has_any", ["vip"])
    segment = made(session, by, "Haifa", {"all": [HAIFA, {"any": [GRANTED, vip]}]})
    whole = {"zone": "contact", "where": {"any": [{"all": [GRANTED, vip]}, HAIFA]}}
    library.update(session, segment.id, SegmentInput(name="Haifa", description="For spring", definition=whole), by=by)
    change(session, by, segment, {"all": [vip, vip]})
    first, second, third = (versions.one(session, segment.id, number, by=by) for number in (1, 2, 3))
    assert versions.between(session, first, second) == versions.Difference(
        description=(None, "For spring"), zone=("organisation", "contact"), is_regrouped=True
    )
    last = versions.between(session, second, third)
    assert [one.dump() for one in last.added] == [vip], "one was there already"
    assert [one.dump() for one in last.removed] == [GRANTED | {"op": "eq", "purpose": "marketing"}, HAIFA]
    assert (last.description, last.zone) == (("For spring", None), ("contact", "organisation"))
    with pytest.raises(NotFound):
        versions.one(session, segment.id, 4, by=by)
    with pytest.raises(NotFound):
        versions.one(session, segment.id, 2**40, by=by)


def test_a_version_is_restored_as_a_new_one_under_the_present_name(session: Session, by: Actor) -> None:
    [one] = people.contacts(session, 1, city="Haifa")
    segment = made(session, by, "Haifa", HAIFA)
    library.update(session, segment.id, SegmentInput(name="South", description="x", definition={"where": EILAT}), by=by)
    catch_up(session)
    with pytest.raises(Stale):
        library.restore(session, segment.id, 1, version=1, by=by)
    library.restore(session, segment.id, 1, version=2, by=by)
    newest = versions.one(session, segment.id, 3, by=by)
    assert (segment.name, segment.description, segment.version, newest.restored_from) == ("South", None, 3, 1)
    catch_up(session)
    assert (inside(session, segment), moves(session, segment)) == ({one}, [(one, True, "definition", 3)])
    assert library.restore(session, segment.id, 3, by=by).version == 3


def test_values_that_name_people_are_sealed_in_versions_and_come_back(session: Session, by: Actor) -> None:
    people.contacts(session, 2)
    segment = made(session, by, "One", field("email", "eq", "client1@mail.example"))
    change(session, by, segment, EILAT)
    raw = session.execute(select(SegmentVersion.definition).where(SegmentVersion.number == 1)).scalar_one()
    assert "client1" not in str(raw)
    assert library.restore(session, segment.id, 1, by=by).size == 1


def test_a_version_that_uses_what_is_gone_is_refused_with_the_reason(session: Session, by: Actor) -> None:
    inner = made(session, by, "Inner", HAIFA)
    segment = made(session, by, "Outer", inside_of(inner))
    change(session, by, segment, EILAT)
    library.archive(session, inner.id, by=by)
    with pytest.raises(Conflict, match="no such segment"):
        library.restore(session, segment.id, 1, by=by)
    assert (segment.version, numbers(session, segment, by)) == (2, [2, 1])


def test_an_archived_segment_comes_back_with_its_people_and_what_it_uses(session: Session, by: Actor) -> None:
    [one] = people.contacts(session, 1, city="Haifa")
    inner = made(session, by, "Inner", HAIFA)
    outer = made(session, by, "Outer", inside_of(inner))
    catch_up(session)
    library.archive(session, outer.id, by=by)
    catch_up(session)
    assert "unarchive" in library.possible(outer, by=by)
    library.unarchive(session, outer.id, by=by)
    assert (outer.archived_at, outer.size, due(session)) == (None, 1, {"Outer": "unarchived"})
    assert [user.by_name for user in used_by.users_of(session, "segment", inner.id)] == ["Outer"]
    catch_up(session)
    assert moves(session, outer) == [(one, False, "archived", 1), (one, True, "unarchived", 1)]
    assert library.unarchive(session, outer.id, by=by) is outer


def test_a_name_that_was_taken_meanwhile_is_said(session: Session, by: Actor) -> None:
    segment = made(session, by, "Haifa", HAIFA)
    library.archive(session, segment.id, by=by)
    other = made(session, by, "haifa", EILAT)
    with pytest.raises(Conflict, match="of this name already"):
        library.unarchive(session, segment.id, by=by)
    library.update(session, other.id, SegmentInput(name="Eilat", definition={"where": EILAT}), by=by)
    assert library.unarchive(session, segment.id, by=by).archived_at is None


def test_whoever_only_reads_restores_nothing(session: Session, by: Actor) -> None:
    segment = made(session, by, "Haifa", HAIFA)
    viewer = people.staff(session, "viewer")
    for act in (
        lambda: library.restore(session, segment.id, 1, by=viewer),
        lambda: library.unarchive(session, segment.id, by=viewer),
    ):
        with pytest.raises(Forbidden):
            act()
    assert numbers(session, segment, viewer) == [1]


def test_versions_cannot_be_changed_by_the_application(session: Session, by: Actor) -> None:
    made(session, by, "Haifa", HAIFA)
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text("UPDATE segment_versions SET name = 'x'"))
