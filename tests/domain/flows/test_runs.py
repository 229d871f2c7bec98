"""People walk through a flow: splits, sends, waits; each step once."""

import random
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import system
from app.domain.access.models import Organisation
from app.domain.contacts import profile
from app.domain.contacts.models import Contact
from app.domain.flows.models import FlowLog, FlowRun, FlowSend
from app.domain.flows.results import unbalanced
from app.domain.messages import sends
from app.domain.messages.models import Message, Send
from tests.domain.flows.test_engine import grown
from tests.domain.flows.test_hearing import does
from tests.factories import people, sending
from tests.factories.flows import branch, enter, flow, path, places, run_of, step, walk

pytestmark = pytest.mark.usefixtures("organisation")
HAIFA = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}


def later(**time: float) -> clock.datetime:  # type: ignore[name-defined]
    return clock.now() + timedelta(**time)


def test_everybody_goes_the_way_that_is_his_and_waits_where_it_says(session: Session) -> None:
    text = sending.sms_template(session)
    made = flow(
        session,
        step(
            "city",
            "split",
            [branch("haifa", step("hello", "send_sms", template_id=str(text.id)), when=HAIFA), branch("else")],
        ),
        step("wait", "wait", days=1),
        step("mark", "tag", add=["seen"]),
    )
    haifa, others = people.contacts(session, 3, city="Haifa"), people.contacts(session, 2, start=3, city="Eilat")
    assert enter(session, made, [*haifa, *others]) == 5
    walk(session)
    assert places(session, made) == {"wait": 5}
    messages = session.execute(select(Message.contact_id, Message.state)).all()
    assert Counter(messages) == Counter((one, "queued") for one in haifa)
    with clock.at(later(hours=23)):
        assert walk(session) == 0
    with clock.at(later(hours=25)):
        walk(session)
    assert places(session, made) == {"finished": 5}
    assert path(session, run_of(session, haifa[0]).id) == [
        "entered city", "passed city haifa", "passed hello next", "arrived wait", "passed wait next", "passed mark next", "finished",
    ]  # fmt: skip
    assert path(session, run_of(session, others[0]).id)[:2] == ["entered city", "passed city else"]
    tags = session.execute(select(Contact.tags).where(Contact.id.in_([*haifa, *others]))).scalars()
    assert {tuple(one) for one in tags} == {("seen",)}


def test_the_log_of_a_split_keeps_what_was_asked_as_it_was(session: Session) -> None:
    made = flow(session, step("city", "split", [branch("haifa", when=HAIFA), branch("else")]))
    [one] = people.contacts(session, 1, city="Haifa")
    enter(session, made, [one])
    walk(session)
    why = session.execute(select(FlowLog.why).where(FlowLog.kind == "passed")).scalar_one()
    assert why == {"is": {"city": "Haifa"}}


def test_a_step_has_one_send_however_many_batches_come_to_it(session: Session) -> None:
    text = sending.sms_template(session)
    made = flow(session, step("hello", "send_sms", template_id=str(text.id)))
    enter(session, made, people.contacts(session, 2))
    walk(session)
    [send] = session.execute(select(Send)).scalars()
    session.execute(update(Message).values(state="sent", rank=50))
    sends.close_drained(session)
    session.refresh(send)
    assert send.state == "drained"
    enter(session, made, people.contacts(session, 2, start=2))
    walk(session)
    session.refresh(send)
    assert (send.state, send.source_kind, send.source_id) == ("running", "flow", made.id)
    assert session.execute(select(func.count()).select_from(FlowSend)).scalar_one() == 1
    assert session.execute(select(func.count()).select_from(Message)).scalar_one() == 4


def test_who_may_not_be_written_to_goes_on_with_the_reason(session: Session) -> None:
    text = sending.sms_template(session)
    made = flow(session, step("hello", "send_sms", template_id=str(text.id)), step("wait", "wait", days=1))
    [may] = people.contacts(session, 1)
    [may_not] = people.contacts(session, 1, start=1, consent=False)
    enter(session, made, [may, may_not])
    walk(session)
    assert places(session, made) == {"wait": 2}
    passed = select(FlowLog.contact_id, FlowLog.why).where(FlowLog.kind == "passed")
    assert dict(session.execute(passed).all()) == {may: None, may_not: {"skipped": "no_consent"}}


def test_two_runs_of_one_person_each_send_a_message(session: Session) -> None:
    text = sending.sms_template(session)
    made = flow(session, step("hello", "send_sms", template_id=str(text.id)))
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    session.execute(update(FlowRun).values(key="loan 1"))
    enter(session, made, [one])
    walk(session)
    assert session.execute(select(func.count()).select_from(Message)).scalar_one() == 2


def test_a_draw_is_the_same_for_a_person_every_time(session: Session) -> None:
    ways = [branch("a", step("wa", "wait", hours=1), percent=50), branch("b", step("wb", "wait", hours=1), percent=50)]
    made = flow(
        session, step("ab", "ab_split", ways), trigger={"id": "trigger", "type": "api", "config": {"reentry": "always"}}
    )
    them = people.contacts(session, 40)
    enter(session, made, them)
    walk(session)
    first = dict(session.execute(select(FlowRun.contact_id, FlowRun.step)).all())
    assert set(first.values()) == {"wa", "wb"}
    with clock.at(later(hours=2)):
        walk(session)
        enter(session, made, them)
        walk(session)
        second = session.execute(select(FlowRun.contact_id, FlowRun.step).where(FlowRun.state == "active")).all()
    assert dict(second) == first


def test_a_way_back_is_gone_as_often_as_it_may_be(session: Session) -> None:
    made = flow(session, step("mark", "tag", add=["x"]), step("back", "go_to", target="mark", max_visits=3))
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    log = Counter(path(session, run_of(session, one).id))
    assert (log["passed mark next"], log["passed back next"], log["passed back enough"]) == (4, 3, 1)
    assert places(session, made) == {"finished": 1}


def test_an_exit_says_why(session: Session) -> None:
    made = flow(session, step("out", "exit", reason="done"))
    enter(session, made, people.contacts(session, 1))
    walk(session)
    assert places(session, made) == {"finished done": 1}


def test_a_flow_of_nothing_is_gone_through_at_once(session: Session) -> None:
    made = flow(session)
    assert enter(session, made, people.contacts(session, 1)) == 1
    assert places(session, made) == {"finished": 1}


def test_who_was_deleted_on_the_way_leaves(session: Session, organisation: Organisation) -> None:
    text = sending.sms_template(session)
    made = flow(session, step("wait", "wait", hours=1), step("hello", "send_sms", template_id=str(text.id)))
    stays, goes = people.contacts(session, 2)
    enter(session, made, [stays, goes])
    walk(session)
    profile.delete(session, goes, by=system(organisation.id))
    with clock.at(later(hours=2)):
        walk(session)
    assert places(session, made) == {"finished": 1, "left gone": 1}
    assert session.execute(select(Message.contact_id)).scalars().all() == [stays]


def test_a_flow_that_is_paused_moves_nobody(session: Session) -> None:
    made = flow(session, step("wait", "wait", hours=1))
    enter(session, made, people.contacts(session, 1))
    walk(session)
    made.state = "paused"
    with clock.at(later(hours=2)):
        assert walk(session) == 0
        assert enter(session, made, people.contacts(session, 1, start=1)) == 0
        made.state = "active"
        walk(session)
    assert places(session, made) == {"finished": 1}


def test_a_wait_until_the_date_of_each(session: Session) -> None:
    made = flow(session, step("until", "wait_until", field="properties.due", at="09:00", zone="organisation"))
    today = clock.today("Asia/Jerusalem")
    dates = {"next": today + timedelta(days=2), "past": today - timedelta(days=2), "none": None}
    them = {
        name: people.contacts(session, 1, start=n, properties={"due": str(day)} if day else {})[0]
        for n, (name, day) in enumerate(dates.items())
    }
    enter(session, made, list(them.values()))
    walk(session)
    assert places(session, made) == {"until": 1, "finished": 2}
    waits = run_of(session, them["next"])
    assert waits.due_at is not None
    assert waits.due_at.astimezone(clock.ZoneInfo("Asia/Jerusalem")).isoformat()[:16] == f"{dates['next']}T09:00"


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_drawn_everybody_is_somewhere_and_the_same_history_is_the_same_path(
    session: Session, seed: int
) -> None:
    """Random flows, walked for days with random events: the people of every step add up, and who enters again goes the same way."""
    dice = random.Random(seed)
    drawn = grown(dice).dump()
    trigger = {"id": "trigger", "type": "api", "config": {"reentry": "always"}}
    made = flow(session, *drawn["lane"], trigger=trigger)
    them = [*people.contacts(session, 6, city="Haifa"), *people.contacts(session, 6, start=6, city="Eilat")]
    busy = dice.sample(them, 4)
    ways: list[dict[UUID, list[str]]] = []
    begins = clock.now()
    for turn in range(2):
        with clock.at(begins + timedelta(days=40 * turn)):
            assert enter(session, made, them) == len(them)
        for hours in (0, 2, *range(12, 24 * 39, 24)):
            with clock.at(begins + timedelta(days=40 * turn, hours=hours)):
                walk(session)
                if hours == 2:
                    for one in busy:
                        does(session, one, "paid")
                walk(session)
        assert unbalanced(session, made) == []
        assert set(places(session, made)) <= {"finished", "finished goal"}
        ways.append({one: path(session, run_of(session, one).id) for one in them})
    assert ways[0] == ways[1]
