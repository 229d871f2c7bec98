"""People are put into a flow by hand: whom words name, who of them would enter, why others would not."""

import pytest
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.access.models import Organisation
from app.domain.contacts import identifiers, profile
from app.domain.flows import by_hand, log
from app.domain.flows.by_hand import Wanted
from app.domain.flows.models import Flow
from app.domain.segments import library
from app.domain.segments.library import SegmentInput
from tests.factories import people
from tests.factories.flows import enter, flow, run_of, step, walk

WAIT = step("wait", "wait", hours=1)


@pytest.fixture
def omar(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "operator")


def test_words_name_people_by_id_number_email_or_phone(session: Session, omar: Actor) -> None:
    one, two, three, four = people.contacts(session, 4, start=40)
    words = [str(one), "41", "Client42@mail.example", "052-200-0043", "999999", "not@there.example", "\x00"]
    found = identifiers.named(session, words)
    assert list(map(found.get, words)) == [[one], [two], [three], [four], None, None, None]
    profile.delete(session, two, by=people.staff(session, "marketer"))
    session.flush()
    assert "41" not in identifiers.named(session, words)


def test_it_is_told_before_who_would_enter_and_why_others_not(session: Session, omar: Actor) -> None:
    made = flow(session, WAIT, trigger={"id": "trigger", "type": "api", "config": {"reentry": "never"}})
    them = people.contacts(session, 6)
    enter(session, made, them[:2])
    walk(session)
    for one in them[:2]:
        run = run_of(session, one)
        run.state, run.step, run.due_at, run.ended_at = "finished", None, None, clock.now()
        session.flush()
    enter(session, made, them[2:3])
    profile.delete(session, them[3], by=people.staff(session, "marketer"))
    session.flush()
    look = by_hand.look(session, made.id, Wanted(contacts=tuple(them), people=("nobody",)), by=omar)
    assert look.verdicts == {"again": 2, "inside": 1, "gone": 1, "enters": 2}
    assert look.judged == {"again": them[:2], "inside": them[2:3], "gone": them[3:4], "enters": them[4:]}
    assert (look.enter, look.unknown) == (2, ["nobody"])
    assert by_hand.put_in(session, made.id, Wanted(contacts=tuple(them)), by=omar) == look.enter
    assert by_hand.look(session, made.id, Wanted(contacts=tuple(them)), by=omar).enter == 0
    assert by_hand.look(session, made.id, Wanted(contacts=tuple(them[4:]), key="loan 7"), by=omar).enter == 2


def test_the_control_group_is_foretold(session: Session, omar: Actor) -> None:
    made = flow(session, WAIT, holdout_percent=50)
    look = by_hand.look(session, made.id, Wanted(contacts=tuple(people.contacts(session, 60))), by=omar)
    assert 10 < look.verdicts["control"] < 50
    assert look.enter == 60


def test_a_segment_is_put_in_as_it_is_now(session: Session, omar: Actor) -> None:
    made = flow(session, WAIT)
    people.contacts(session, 2, city="Haifa")
    people.contacts(session, 2, start=2, city="Eilat")
    where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}
    segment = library.create(
        session, SegmentInput(name="Haifa", definition=where), by=people.staff(session, "marketer")
    )
    assert by_hand.put_in(session, made.id, Wanted(segment=segment.id), by=omar) == 2


def test_more_than_one_may_put_in_take_a_second_pair_of_eyes(
    session: Session, omar: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_hand, "MOST", 3)
    made = flow(session, WAIT)
    people.contacts(session, 4, city="Haifa")
    where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}}
    segment = library.create(
        session, SegmentInput(name="Haifa", definition=where), by=people.staff(session, "marketer")
    )
    with pytest.raises(Invalid):
        by_hand.look(session, made.id, Wanted(segment=segment.id), by=omar)


def test_what_cannot_be_is_refused(session: Session, omar: Actor) -> None:
    made, by_itself = flow(session, WAIT), flow(session, WAIT, trigger=on_segment(session), name="By itself")
    (one,) = people.contacts(session, 1)
    with pytest.raises(Conflict):
        by_hand.look(session, by_itself.id, Wanted(contact=one), by=omar)
    with pytest.raises(Invalid):
        by_hand.look(session, made.id, Wanted(), by=omar)
    with pytest.raises(Invalid):
        by_hand.put_in(session, made.id, Wanted(contact=one, people=("nobody",)), by=omar)
    with pytest.raises(NotFound):
        by_hand.look(session, made.id, Wanted(segment=made.id), by=omar)
    with pytest.raises(Forbidden):
        by_hand.look(session, made.id, Wanted(contact=one), by=people.staff(session, "viewer"))
    assert [one.id for one in by_hand.offered(session, by=omar)] == [made.id]


def on_segment(session: Session) -> dict[str, object]:
    where = {"where": {"kind": "field", "field": "city", "op": "eq", "value": "Eilat"}}
    segment = library.create(
        session, SegmentInput(name="Eilat", definition=where), by=people.staff(session, "marketer")
    )
    return {"id": "trigger", "type": "segment_enter", "config": {"segment_id": str(segment.id)}}


def test_the_log_says_which_colleague_put_them_in(session: Session, omar: Actor) -> None:
    made: Flow = flow(session, WAIT)
    (one,) = people.contacts(session, 1)
    by_hand.call(session, made.id, [one], by=omar)
    line = log.of_run(session, run_of(session, one).id, by=omar)[0]
    assert line.said.message % line.said.values == f"Was put in by {omar.name}"
