"""When the members of a segment are looked at again: by whom it is woken, and what time alone makes due."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Unavailable
from app.domain.bank.happenings import BalancesVerified
from app.domain.contacts.models import PropertyDefinition
from app.domain.contacts.profile import ContactsChanged
from app.domain.events import tracking
from app.domain.events.models import EventInterest
from app.domain.events.said import EventInput
from app.domain.outbox.publish import publish
from app.domain.segments import freshness, library, members
from app.domain.segments.models import Segment, SegmentWake
from tests.domain.segments.kept import (
    EILAT,
    GRANTED,
    HAIFA,
    OPENED,
    becomes,
    by,
    catch_up,
    change,
    due,
    field,
    inside,
    inside_of,
    made,
    moves,
    same,
    told,
)
from tests.domain.segments.told import refresh_all, tell_all
from tests.factories import people

__all__ = ["by", "told"]


def test_an_import_and_news_of_the_bank_make_due_who_looks_at_it(session: Session, by: Actor) -> None:
    haifa, rich = made(session, by, "Haifa", HAIFA), made(session, by, "Rich", EILAT)
    catch_up(session)
    rich.reads = ["bank"]
    publish(session, BalancesVerified(subject=by.organisation_id, day=clock.today("UTC"), records=1, issues=0))
    tell_all(session)
    assert due(session) == {"Rich": "bank"}
    ids = people.contacts(session, 2, city="Haifa")
    publish(session, ContactsChanged(subject=uuid4()))
    tell_all(session)
    assert due(session) == {"Haifa": "import", "Rich": "import"}
    refresh_all(session)
    assert sorted(moves(session, haifa)) == [(one, True, "import", 1) for one in ids]


def test_what_was_told_before_the_upgrade_is_understood(session: Session, by: Actor) -> None:
    made(session, by, "Haifa", HAIFA)
    catch_up(session)
    freshness.on_contacts(session, ContactsChanged.model_validate({"subject": uuid4()}))
    assert due(session) == {"Haifa": "import"}


def test_a_new_definition_moves_people_and_those_who_name_it(
    session: Session, by: Actor, told: list[members.SegmentMoved]
) -> None:
    [one] = people.contacts(session, 1, city="Haifa")
    [other] = people.contacts(session, 1, start=1, city="Eilat", language="he")
    place = made(session, by, "Place", HAIFA)
    outer = made(session, by, "Outer", {"not": inside_of(place)})
    outmost = made(session, by, "Outmost", {"all": [inside_of(outer), field("tags", "is_not_set")]})
    catch_up(session)
    change(session, by, place, {"all": [EILAT, field("language", "eq", "he")]})
    assert due(session) == dict.fromkeys(("Place", "Outer", "Outmost"), "definition")
    catch_up(session)
    assert moves(session, place) == [(other, True, "definition", 2), (one, False, "definition", 2)]
    assert (inside(session, outer), inside(session, outmost)) == ({one}, {one})
    assert {said.reason for said in told} == {"definition"}
    session.refresh(outmost)
    assert {"field:city", "field:language", "field:tags", f"segment:{place.id}", f"segment:{outer.id}"} == {
        *(outmost.reads or [])
    }
    becomes(session, by, other, language="en")
    catch_up(session)
    assert inside(session, outmost) == {one, other}


def test_an_archived_segment_is_left_by_everybody(session: Session, by: Actor) -> None:
    ids = people.contacts(session, 2, city="Haifa")
    haifa = made(session, by, "Haifa", HAIFA)
    catch_up(session)
    library.archive(session, haifa.id, by=by)
    becomes(session, by, ids[0], city="Eilat")
    catch_up(session)
    assert inside(session, haifa) == set()
    assert sorted(moves(session, haifa)) == [(one, False, "archived", 1) for one in ids]
    becomes(session, by, ids[0], city="Haifa")
    catch_up(session)
    assert (inside(session, haifa), due(session)) == (set(), {})


def test_what_is_due_as_a_whole_is_not_looked_at_for_a_few(session: Session, by: Actor) -> None:
    [one] = people.contacts(session, 1, city="Haifa")
    haifa = made(session, by, "Haifa", HAIFA)
    assert members.refresh_some(session, [one], [haifa.id], "data") == []
    assert inside(session, haifa) == set()


def test_a_segment_that_cannot_be_counted_keeps_its_members(session: Session, by: Actor) -> None:
    one, other = people.contacts(session, 2, city="Haifa", properties={"product": "gold"})
    session.add(PropertyDefinition(
        organisation_id=by.organisation_id, key="product", label="Product", type="text", created_at=clock.now()
    ))  # fmt: skip
    session.flush()
    gold = made(session, by, "Gold", {"all": [HAIFA, field("properties.product", "eq", "gold")]})
    haifa = made(session, by, "Haifa", HAIFA)
    catch_up(session)
    session.execute(delete(PropertyDefinition))
    becomes(session, by, one, city="Eilat", properties={})
    tell_all(session)
    assert freshness.take_some(session) == 1
    assert (inside(session, haifa), due(session)) == ({other}, {"Gold": "data"}), "the others are not held up"
    refresh_all(session)
    session.refresh(gold)
    assert (gold.size, inside(session, gold), due(session)) == (None, {one, other}, {})


@pytest.mark.parametrize("broke", [Unavailable("too long"), DataError("sum", {}, Exception("numeric overflow"))])
def test_what_breaks_or_takes_too_long_holds_nobody_else_up(
    session: Session, by: Actor, monkeypatch: pytest.MonkeyPatch, broke: Exception
) -> None:
    [one] = people.contacts(session, 1, city="Haifa")
    haifa = made(session, by, "Haifa", HAIFA)
    catch_up(session)
    really = members.difference

    def breaks(*_: Any) -> Any:
        raise broke

    monkeypatch.setattr(members, "difference", breaks)
    becomes(session, by, one, city="Eilat")
    tell_all(session)
    assert freshness.take_some(session) == 1
    assert due(session) == {"Haifa": "data"}
    refresh_all(session)
    session.refresh(haifa)
    assert (due(session), haifa.size, inside(session, haifa)) == ({}, None, {one})
    monkeypatch.setattr(members, "difference", really)
    freshness.owe(session, "recount", Segment.id == haifa.id)
    catch_up(session)
    assert (inside(session, haifa), moves(session, haifa)) == (set(), [(one, False, "recount", 1)])


def test_a_segment_of_before_is_asked_what_it_looks_at(session: Session, by: Actor) -> None:
    people.contacts(session, 2, city="Haifa")
    haifa = made(session, by, "Haifa", {"all": [HAIFA, {"kind": "event", "event": "order"}]})
    session.execute(update(Segment).values(reads=None, due_reason="first_count"))
    session.execute(delete(EventInterest))
    session.expire_all()
    assert freshness.refresh_due(lambda: same(session))
    assert (haifa.reads, haifa.filled_at is not None) == (["event:order", "field:city"], True)
    assert session.execute(select(EventInterest.name)).scalars().all() == ["order"]


def test_time_alone_makes_due_what_asks_for_it(session: Session, by: Actor) -> None:
    born = field("created_at", "in_last", 7, unit="days")
    evening = datetime(2026, 11, 27, 21, 40, tzinfo=UTC)  # 23:40 in Jerusalem
    with clock.at(evening):
        made(session, by, "Always", HAIFA)
        made(session, by, "Today", born)
        made(session, by, "Opened", OPENED)
        catch_up(session)
        freshness.make_due(session)
        assert due(session) == {}
    with clock.at(evening + timedelta(seconds=61)):
        freshness.make_due(session)
        assert due(session) == {"Opened": "message"}
        refresh_all(session)
    with clock.at(evening + timedelta(minutes=20, seconds=5)):
        freshness.make_due(session)
        assert due(session) == {"Today": "recount", "Opened": "message"}
        refresh_all(session)
        freshness.make_due(session)
        assert due(session) == {}
    with clock.at(evening + timedelta(minutes=61)):
        freshness.make_due(session)
        assert due(session) == {"Always": "recount", "Opened": "message"}


def test_messages_are_asked_for_as_often_as_the_machine_can_bear(session: Session, by: Actor) -> None:
    with clock.at(datetime(2026, 11, 27, 8, tzinfo=UTC)):
        made(session, by, "Opened", OPENED)
        made(session, by, "Clicked", OPENED | {"did": "clicked"})
        catch_up(session)
    session.execute(update(Segment).values(took_ms=30_000))
    with clock.at(datetime(2026, 11, 27, 8, 9, tzinfo=UTC)):
        freshness.make_due(session)
        assert due(session) == {}
    with clock.at(datetime(2026, 11, 27, 8, 11, tzinfo=UTC)):
        freshness.make_due(session)
        assert due(session) == {"Opened": "message", "Clicked": "message"}


def test_what_waits_is_rung_for_and_goes_oldest_first(session: Session, by: Actor) -> None:
    with clock.at(datetime(2026, 11, 27, 8, tzinfo=UTC)):
        made(session, by, "First", HAIFA)
    with clock.at(datetime(2026, 11, 27, 7, tzinfo=UTC)):
        made(session, by, "Longer", EILAT)
    assert (freshness.are_due(session), freshness.are_woken(session)) == (True, False)
    steps = iter([False, True])
    assert not freshness.refresh_due(lambda: same(session), stopping=lambda: next(steps))
    assert due(session) == {"First": "definition"}
    freshness.wake(session, people.contacts(session, 1), None, "data")
    assert freshness.are_woken(session)
    freshness.refresh_woken(lambda: same(session))
    assert not session.execute(select(SegmentWake)).all()


def test_an_event_wakes_the_segments_that_look_at_it(session: Session, by: Actor) -> None:
    one, other = people.contacts(session, 2)
    ordered = made(session, by, "Ordered", {"kind": "event", "event": "order"})
    not_yet = made(session, by, "Not yet", {"all": [inside_of(ordered, "not_in"), field("language", "eq", "en")]})
    catch_up(session)
    order = {"event": "order", "contact": {"id": str(one)}}
    tracking.record(session, [EventInput.model_validate(order | {"event": "login"})])
    assert not freshness.are_woken(session), "nobody looks at that one"
    tracking.record(session, [EventInput.model_validate(order)])
    assert freshness.are_woken(session)
    refresh_all(session)
    assert (inside(session, ordered), moves(session, ordered)) == ({one}, [(one, True, "event", 1)])
    assert (inside(session, not_yet), moves(session, not_yet)) == ({other}, [(one, False, "event", 1)])
    assert not freshness.are_woken(session)
    change(session, by, not_yet, GRANTED)
    change(session, by, ordered, {"kind": "event", "event": "refund"})
    tracking.record(session, [EventInput.model_validate(order)])
    assert not freshness.are_woken(session), "nobody looks at it any more"
    library.archive(session, ordered.id, by=by)
    tracking.record(session, [EventInput.model_validate(order | {"event": "refund"})])
    assert not freshness.are_woken(session), "an archived segment hears of nothing"
