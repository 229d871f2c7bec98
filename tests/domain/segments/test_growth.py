"""How a segment grew, who came and went, and how segments overlap."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.page import Ask
from app.domain.access.models import Organisation
from app.domain.contacts import profile
from app.domain.segments import growth, library, membership, overlap
from app.domain.segments.library import SegmentInput
from app.domain.segments.models import Segment
from tests.domain.segments.kept import EILAT, HAIFA, becomes, catch_up, change, field, inside, made
from tests.factories import people

EVENING = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)  # half past eleven of the 24th in Jerusalem


@pytest.fixture
def by(organisation: Organisation) -> Actor:
    return system(organisation.id)


def days(session: Session, segment: Segment, number: int, by: Actor) -> list[tuple[int, int | None, int, int]]:
    return [(one.day.day, one.size, one.entered, one.left) for one in growth.by_day(session, segment, number, by=by)]


@pytest.fixture
def lived(session: Session, by: Actor) -> tuple[Segment, list[UUID]]:
    """Five of Haifa on the 24th; on the 25th one leaves, on the 27th one comes and two leave."""
    ids = people.contacts(session, 5, city="Haifa") + people.contacts(session, 1, start=5, city="Eilat")
    with clock.at(EVENING):
        haifa = made(session, by, "Haifa", HAIFA)
        catch_up(session)
    with clock.at(EVENING + timedelta(hours=1)):  # past midnight there
        becomes(session, by, ids[0], city="Eilat")
        catch_up(session)
    with clock.at(EVENING + timedelta(days=3)):
        becomes(session, by, ids[5], city="Haifa")
        profile.delete(session, ids[1], by=by)
        becomes(session, by, ids[2], city="Eilat")
        catch_up(session)
    return haifa, ids


def test_of_days_that_are_not_kept_any_longer_nothing_is_said(
    session: Session, by: Actor, lived: tuple[Segment, list[UUID]]
) -> None:
    session.info["settings"] = replace(session.info["settings"], behaviour_days=31)
    with clock.at(datetime(2027, 1, 2, 9, tzinfo=UTC)):
        found = growth.by_day(session, lived[0], 40, by=by)
    assert [one.size for one in found if one.day < date(2026, 12, 2)] == [None] * 8
    assert {one.size for one in found if one.day >= date(2026, 12, 2)} == {3}


def test_a_segment_grows_by_the_days_of_the_bank(
    session: Session, by: Actor, lived: tuple[Segment, list[UUID]]
) -> None:
    with clock.at(EVENING + timedelta(days=4)):
        assert days(session, lived[0], 6, by) == [
            (23, None, 0, 0), (24, 5, 0, 0), (25, 4, 0, 1), (26, 4, 0, 0), (27, 3, 1, 2), (28, 3, 0, 0),
        ]  # fmt: skip
        assert days(session, lived[0], 2, by) == [(27, 3, 1, 2), (28, 3, 0, 0)], "what came before is not needed"


def test_nothing_is_said_of_a_segment_that_was_not_counted(session: Session, by: Actor) -> None:
    [today] = growth.by_day(session, made(session, by, "Haifa", HAIFA), 1, by=by)
    assert (today.size, today.entered) == (None, 0)
    for number in (0, 401):
        with pytest.raises(Invalid):
            growth.by_day(session, made(session, by, str(number), HAIFA), number, by=by)


def test_moves_are_told_newest_first_with_the_reason_in_pages(
    session: Session, by: Actor, lived: tuple[Segment, list[UUID]]
) -> None:
    haifa, ids = lived
    first = growth.moves(session, haifa, Ask(per_page=3), by=by)
    rest = growth.moves(session, haifa, Ask(first.next, 3), by=by)
    assert [one.contact_id for one in rest.items] == [ids[0]]
    assert {(one.contact_id, one.entered) for one in first.items} == {(ids[5], True), (ids[1], False), (ids[2], False)}
    assert {(one.reason, one.version) for one in first.items} == {("data", 1)}
    assert {one.external_id for one in first.items} == {"5", "1", "2"}
    assert [one.contact_id for one in growth.moves(session, haifa, Ask(), entered=True, by=by).items] == [ids[5]]
    whole = growth.moves(session, haifa, Ask(), is_whole=True, by=by).items
    assert [one.reason for one in whole] == ["data"] * 4 + ["first_count"] * 5
    with pytest.raises(Forbidden):
        growth.moves(
            session, haifa, Ask(), by=Actor(by.organisation_id, "user", permissions=frozenset({"segments:read"}))
        )


def test_every_combination_of_segments_is_counted_and_adds_up(session: Session, by: Actor) -> None:
    for n, (city, tongue, tags) in enumerate(
        [
            ("Haifa", "he", ["vip"]),
            ("Haifa", "he", []),
            ("Haifa", "en", []),
            ("Eilat", "he", ["vip"]),
            ("Eilat", "en", []),
        ]
    ):
        people.contacts(session, n + 1, start=10 * n, city=city, language=tongue, tags=tags)
    haifa, hebrew = made(session, by, "Haifa", HAIFA), made(session, by, "Hebrew", field("language", "eq", "he"))
    vip = made(session, by, "VIP", field("tags", "has_any", ["vip"]))
    found = overlap.overlap(session, [haifa.id, hebrew.id, vip.id], by=by)
    named = {tuple(one.name for one in piece.inside): piece.number for piece in found.pieces}
    assert named == {
        ("Haifa", "Hebrew", "VIP"): 1, ("Haifa", "Hebrew"): 2, ("Hebrew", "VIP"): 4, ("Haifa",): 3,
        ("Haifa", "VIP"): 0, ("Hebrew",): 0, ("VIP",): 0,
    }  # fmt: skip
    assert (found.together, [size for _, size in found.segments]) == (10, [6, 7, 5])
    assert sum(piece.share for piece in found.pieces) == pytest.approx(1)
    for piece in found.pieces:  # a part that becomes a segment has as many
        one = overlap.made_of([s.id for s in piece.inside], without=[s.id for s in piece.outside])
        assert membership.count(session, one) == piece.number
    either = overlap.made_of(either=[haifa.id, vip.id], without=[hebrew.id])
    assert membership.count(session, either) == 3
    saved = library.create(session, SegmentInput(name="x", definition=overlap.made_of(either=[haifa.id]).dump()), by=by)
    assert saved.size == 6


def test_an_empty_overlap_shares_nothing(session: Session, by: Actor) -> None:
    haifa, eilat = made(session, by, "Haifa", HAIFA), made(session, by, "Eilat", EILAT)
    found = overlap.overlap(session, [haifa.id, eilat.id], by=by)
    assert (found.together, {piece.share for piece in found.pieces}) == (0, {0.0})


def test_what_cannot_be_compared_is_said(session: Session, by: Actor) -> None:
    haifa, eilat = made(session, by, "Haifa", HAIFA), made(session, by, "Eilat", EILAT)
    for some in ([haifa.id], [haifa.id, haifa.id], [haifa.id, eilat.id, uuid4(), uuid4()]):
        with pytest.raises(Invalid):
            overlap.overlap(session, some, by=by)
    with pytest.raises(NotFound):
        overlap.overlap(session, [haifa.id, uuid4()], by=by)
    eilat.definition = {"version": 1, "zone": "organisation", "where": field("properties.gone", "is_set")}
    session.flush()
    with pytest.raises(Conflict):
        overlap.overlap(session, [haifa.id, eilat.id], by=by)


def test_a_day_is_drawn_back_from_who_is_in_it_now(session: Session, by: Actor) -> None:
    """Whatever was noted on the days shown: the last of them is what is kept."""
    people.contacts(session, 3, city="Haifa")
    haifa = made(session, by, "Haifa", HAIFA)
    catch_up(session)
    change(session, by, haifa, EILAT)
    catch_up(session)
    [today] = growth.by_day(session, haifa, 1, by=by)
    assert (today.day, today.size, today.entered, today.left) == (
        clock.today("Asia/Jerusalem"), len(inside(session, haifa)), 0, 3,
    )  # fmt: skip
    assert isinstance(today.day, date)
