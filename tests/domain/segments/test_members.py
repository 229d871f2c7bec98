"""Who is in a segment, as it is stored: in line with the definition, every move noted once, by whatever it was woken."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.unit import act_as, actor_of
from app.domain.access import users
from app.domain.consent import ledger
from app.domain.contacts import profile
from app.domain.contacts.models import Contact, PropertyDefinition
from app.domain.segments import freshness, members
from app.domain.segments.models import Segment
from tests.domain.segments.kept import (
    EILAT,
    GRANTED,
    HAIFA,
    becomes,
    by,
    catch_up,
    change,
    field,
    inside,
    inside_of,
    made,
    matching,
    moves,
    replayed,
    told,
)
from tests.domain.segments.told import refresh_all, tell_all
from tests.factories import people

__all__ = ["by", "told"]


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
