"""Who is in a segment, as it is stored: in line with the definition, every move noted once, by whatever it was woken."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor, system
from app.core.errors import Unavailable
from app.core.unit import act_as, actor_of
from app.domain.access import users
from app.domain.access.models import Organisation
from app.domain.bank.happenings import BalancesVerified
from app.domain.consent import ledger
from app.domain.contacts import profile
from app.domain.contacts.models import Contact, PropertyDefinition
from app.domain.contacts.profile import ContactsChanged
from app.domain.events import tracking
from app.domain.events.models import EventInterest
from app.domain.events.said import EventInput
from app.domain.outbox.publish import publish
from app.domain.segments import freshness, library, members, membership
from app.domain.segments.library import SegmentInput
from app.domain.segments.models import Segment, SegmentMember, SegmentMove, SegmentWake
from tests.domain.segments.told import refresh_all, tell_all
from tests.factories import people


def field(name: str, op: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"kind": "field", "field": name, "op": op, **({} if value is None else {"value": value}), **more}


def inside_of(segment: Segment, op: str = "in") -> dict[str, Any]:
    return {"kind": "segment", "segment": str(segment.id), "op": op}


HAIFA, EILAT = field("city", "eq", "Haifa"), field("city", "eq", "Eilat")
GRANTED = {"kind": "consent", "channel": "sms", "value": "granted"}
OPENED = {"kind": "message", "did": "opened"}


@pytest.fixture
def by(organisation: Organisation) -> Actor:
    return system(organisation.id)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[members.SegmentMoved]:
    """What flows would hear."""
    heard: list[members.SegmentMoved] = []
    monkeypatch.setattr(members, "publish", lambda _session, happening: heard.append(happening))
    return heard


def made(session: Session, by: Actor, name: str, where: dict[str, Any]) -> Segment:
    return library.create(session, SegmentInput(name=name, definition={"where": where}), by=by)


def change(session: Session, by: Actor, segment: Segment, where: dict[str, Any]) -> Segment:
    return library.update(session, segment.id, SegmentInput(name=segment.name, definition={"where": where}), by=by)


def becomes(session: Session, by: Actor, contact_id: UUID, **changed: Any) -> None:
    before = profile.input_of(session, session.get_one(Contact, contact_id))
    profile.update(session, contact_id, before.model_copy(update=changed), by=by)


def catch_up(session: Session) -> None:
    tell_all(session)
    refresh_all(session)


def inside(session: Session, segment: Segment) -> set[UUID]:
    return set(
        session.execute(select(SegmentMember.contact_id).where(SegmentMember.segment_id == segment.id)).scalars()
    )


def matching(session: Session, segment: Segment) -> set[UUID]:
    return set(session.execute(membership.audience(session, [segment.id], [])).scalars())


def replayed(session: Session, segment: Segment) -> set[UUID]:
    found: set[UUID] = set()
    query = select(SegmentMove).where(SegmentMove.segment_id == segment.id).order_by(SegmentMove.id)
    for move in session.execute(query).scalars():
        assert (move.contact_id in found) is not move.entered, (
            "nobody enters twice, or leaves without having been there"
        )
        (found.add if move.entered else found.discard)(move.contact_id)
    return found


def moves(session: Session, segment: Segment, *, without: str = "first_count") -> list[tuple[UUID, bool, str, int]]:
    query = select(SegmentMove).where(SegmentMove.segment_id == segment.id, SegmentMove.reason != without)
    found = session.execute(query.order_by(SegmentMove.id)).scalars()
    return [(move.contact_id, move.entered, move.reason, move.version) for move in found]


def due(session: Session) -> dict[str, str | None]:
    query = select(Segment.name, Segment.due_reason).where(Segment.due_at.is_not(None))
    return {row.name: row.due_reason for row in session.execute(query)}


def test_who_was_in_it_when_it_was_first_counted_is_noted_and_did_not_enter(
    session: Session, by: Actor, told: list[members.SegmentMoved]
) -> None:
    ids = people.contacts(session, 3, city="Haifa")
    people.contacts(session, 2, start=3, city="Eilat")
    haifa = made(session, by, "Haifa", HAIFA)
    catch_up(session)
    session.refresh(haifa)
    assert inside(session, haifa) == replayed(session, haifa) == set(ids)
    assert (haifa.size, haifa.due_at, moves(session, haifa)) == (3, None, [])
    assert told == []


def test_a_contact_who_changes_moves_at_once_and_everywhere(
    session: Session, by: Actor, told: list[members.SegmentMoved]
) -> None:
    one, other = people.contacts(session, 2, city="Haifa")
    haifa, eilat = made(session, by, "Haifa", HAIFA), made(session, by, "Eilat", EILAT)
    around = made(session, by, "Not in Haifa", inside_of(haifa, "not_in"))
    catch_up(session)
    becomes(session, by, one, city="Eilat")
    catch_up(session)
    assert (inside(session, haifa), inside(session, eilat), inside(session, around)) == ({other}, {one}, {one})
    assert moves(session, haifa) == [(one, False, "data", 1)]
    assert moves(session, eilat) == moves(session, around) == [(one, True, "data", 1)]
    for segment, size in ((haifa, 1), (eilat, 1), (around, 1)):
        session.refresh(segment)
        assert segment.size == size
    assert {(said.subject, said.entered, said.left) for said in told} == {
        (haifa.id, 0, 1), (eilat.id, 1, 0), (around.id, 1, 0),
    }  # fmt: skip
    [left] = [said for said in told if said.subject == haifa.id]
    assert list(session.execute(members.membership_moves(session, left.change, haifa.id, entered=False)).scalars()) == [
        one
    ]
    assert not session.execute(members.membership_moves(session, left.change, haifa.id, entered=True)).all()


def test_only_segments_that_look_at_what_changed_are_asked(
    session: Session, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.add(PropertyDefinition(
        organisation_id=by.organisation_id, key="product", label="Product", type="text", created_at=clock.now()
    ))  # fmt: skip
    [one] = people.contacts(session, 1, city="Haifa")
    asked: list[set[str]] = []
    known = {
        made(session, by, name, where).id: name
        for name, where in {
            "city": HAIFA, "domain": field("email_domain", "eq", "mail.example"), "consent": GRANTED,
            "changed": field("updated_at", "after", "2020-01-01"), "gold": field("properties.product", "eq", "gold"),
        }.items()
    }  # fmt: skip
    catch_up(session)
    really = members.refresh_some

    def noted(session: Session, contacts: Any, segments: Any, reason: str) -> Any:
        asked.append({known[one] for one in segments})
        return really(session, contacts, segments, reason)

    monkeypatch.setattr(members, "refresh_some", noted)
    becomes(session, by, one, city="Eilat")
    catch_up(session)
    becomes(session, by, one, email="new@mail.example")
    catch_up(session)
    becomes(session, by, one, properties={"product": "gold"})
    catch_up(session)
    ledger.withdraw(session, one, ["sms"], basis="call", source="test")
    catch_up(session)
    profile.delete(session, one, by=by)
    catch_up(session)
    assert asked == [
        {"city", "changed"}, {"domain", "changed"}, {"gold", "changed"}, {"consent"}, set(known.values()),
    ]  # fmt: skip


def test_whoever_is_deleted_leaves_and_comes_back_when_restored(session: Session, by: Actor) -> None:
    [one] = people.contacts(session, 1, city="Haifa")
    haifa = made(session, by, "Haifa", HAIFA)
    catch_up(session)
    profile.delete(session, one, by=by)
    catch_up(session)
    profile.restore(session, one, by=by)
    catch_up(session)
    assert moves(session, haifa) == [(one, False, "data", 1), (one, True, "data", 1)]


def test_consent_moves_those_who_gave_it_or_took_it_back(session: Session, by: Actor) -> None:
    [one] = people.contacts(session, 1)
    asked = made(session, by, "Asked", GRANTED)
    catch_up(session)
    ledger.withdraw(session, one, ["sms"], basis="call", source="test")
    catch_up(session)
    assert (inside(session, asked), moves(session, asked)) == (set(), [(one, False, "consent", 1)])


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
    assert freshness.refresh_due(lambda: _same(session))
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
    assert not freshness.refresh_due(lambda: _same(session), stopping=lambda: next(steps))
    assert due(session) == {"First": "definition"}
    freshness.wake(session, people.contacts(session, 1), None, "data")
    assert freshness.are_woken(session)
    freshness.refresh_woken(lambda: _same(session))
    assert not session.execute(select(SegmentWake)).all()


@contextmanager
def _same(session: Session) -> Iterator[Session]:
    yield session
    session.flush()


class Life:
    """What may happen to a small bank, by chance."""

    def __init__(self, session: Session, by: Actor, seed: int) -> None:
        self.session, self.by, self.some = session, by, random.Random(seed)
        self.ids = [one for n in range(12) for one in people.contacts(session, 1, start=n, **self.columns())]
        self.silent = people.contacts(session, 1, start=12, consent=False, city="Haifa")
        first = made(session, by, "First", HAIFA)
        second = made(session, by, "Second", {"any": [field("language", "eq", "he"), inside_of(first, "not_in")]})
        self.segments = [first, second, made(session, by, "Third", {"all": [GRANTED, inside_of(second)]})]

    def columns(self) -> dict[str, Any]:
        return {"city": self.some.choice(("Haifa", "Eilat", None)), "language": self.some.choice(("he", "en"))}

    def edit(self) -> None:
        wheres = [HAIFA, EILAT, field("language", "eq", "he"), field("tags", "has_any", ["vip"]), GRANTED]
        where = {self.some.choice(["all", "any"]): self.some.sample(wheres, 2)}
        change(self.session, self.by, self.some.choice(self.segments[:2]), where)

    def live(self) -> None:
        one = self.session.get_one(Contact, self.some.choice(self.ids))
        if one.deleted_at is None:
            tags = tuple(self.some.sample(["vip", "staff"], self.some.randrange(3)))
            becomes(self.session, self.by, one.id, tags=tags, **self.columns())

    def go_or_return(self) -> None:
        one = self.session.get_one(Contact, self.some.choice(self.ids))
        (profile.restore if one.deleted_at else profile.delete)(self.session, one.id, by=self.by)

    def withdraw(self) -> None:
        ledger.withdraw(self.session, self.some.choice(self.ids), ["sms"], basis="call", source="test")

    def vanish(self) -> None:
        """As an erasure may: the row is gone, and nobody is told but by the next count."""
        if self.silent:
            self.session.execute(delete(Contact).where(Contact.id == self.silent.pop()))

    def hour(self) -> None:
        freshness.owe(self.session, "recount", Segment.archived_at.is_(None))

    def go_on(self, steps: int) -> None:
        acts: list[Callable[[], object]] = [
            self.edit, self.live, self.live, self.go_or_return, self.withdraw, self.vanish, self.hour,
        ]  # fmt: skip
        looks: list[Callable[[Session], object]] = [tell_all, freshness.take_some, refresh_all, lambda _session: None]
        for _ in range(steps):
            self.some.choice(acts)()
            self.some.choice(looks)(self.session)


@pytest.mark.parametrize("seed", range(6))
def test_after_whatever_happens_members_are_who_matches_and_moves_give_members(
    session: Session, by: Actor, seed: int
) -> None:
    life = Life(session, by, seed)
    life.go_on(30)
    life.vanish()
    life.hour()
    catch_up(session)
    for segment in life.segments:
        session.refresh(segment)
        expected = matching(session, segment)
        assert inside(session, segment) == replayed(session, segment) == expected
        assert segment.size == len(expected)


def test_one_organisation_never_moves_the_contacts_of_another(session: Session, by: Actor) -> None:
    people.contacts(session, 2, city="Haifa")
    mine = made(session, by, "Haifa", HAIFA)
    catch_up(session)
    users.create_organisation(session, users.NewOrganisation(name="Other Bank"))
    other = actor_of(session)
    people.contacts(session, 3, city="Haifa")
    theirs = made(session, other, "Haifa", HAIFA)
    catch_up(session)
    assert len(inside(session, theirs)) == 3
    assert inside(session, mine) == set()
    act_as(session, by)
    assert len(inside(session, mine)) == 2


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
