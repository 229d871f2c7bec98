"""What people do reaches the flows at once: waits, goals, exits, and flows that begin with it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.core import clock
from app.core.links import Target
from app.core.unit import actor_of
from app.domain.events import tracking
from app.domain.events.models import Event
from app.domain.events.said import EventInput
from app.domain.flows import placement, triggers
from app.domain.flows.models import FlowLog, FlowRun
from app.domain.messages import told
from app.domain.messages import tracking as links
from app.domain.messages.models import Message, MessageWake, Send
from tests.factories import people, sending
from tests.factories.flows import branch, drawing, enter, flow, path, places, run_of, step, version, walk

pytestmark = pytest.mark.usefixtures("organisation")


def on_event(event: str = "applied", **config: Any) -> dict[str, Any]:
    return {"id": "trigger", "type": "event", "config": {"event": event, **config}}


def does(session: Session, contact_id: UUID, event: str, at: datetime | None = None, **properties: Any) -> None:
    """The contact does something, now or at a moment."""
    said = {
        "event": event,
        "contact": {"id": str(contact_id)},
        "properties": properties,
        "occurred_at": at or clock.now(),
    }
    taken = tracking.record(session, [EventInput.model_validate(said)], source="api")
    assert not taken.refused, taken.refused


def waiting_flow(session: Session, **config: Any) -> Any:
    ways = [branch("happened", step("yes", "tag", add=["yes"])), branch("timeout", step("no", "tag", add=["no"]))]
    return flow(session, step("hello", "tag", add=["x"]), step("paid", "wait_for", ways, event="paid", **config))


def test_a_wait_ends_when_it_happens_and_for_whom_it_happens(session: Session) -> None:
    made = waiting_flow(session)
    one, other = people.contacts(session, 2)
    enter(session, made, [one, other])
    walk(session)
    assert places(session, made) == {"paid": 2}
    does(session, one, "paid")
    does(session, other, "something_else")
    walk(session)
    assert places(session, made) == {"paid": 1, "finished": 1}
    assert "passed paid happened" in path(session, run_of(session, one).id)
    with clock.at(clock.now() + timedelta(days=4)):
        walk(session)
    assert "passed paid timeout" in path(session, run_of(session, other).id)


def test_what_happened_before_the_wait_counts_from_the_entry_on_or_not(session: Session) -> None:
    since_entry, since_arrival = waiting_flow(session), None
    since_arrival = flow(
        session,
        step("paid", "wait_for", [branch("happened"), branch("timeout")], event="paid", since="arrival"),
        name="Another",
    )
    [one] = people.contacts(session, 1)
    does(session, one, "paid", clock.now() - timedelta(minutes=5))
    for made in (since_entry, since_arrival):
        enter(session, made, [one])
    walk(session)
    assert (places(session, since_entry), places(session, since_arrival)) == ({"paid": 1}, {"paid": 1}), (
        "before the entry"
    )
    [other] = people.contacts(session, 1, start=1)
    for made in (since_entry, since_arrival):
        enter(session, made, [other])
    with clock.at(clock.now() + timedelta(seconds=1)):
        does(session, other, "paid")
        walk(session)
    assert (places(session, since_entry), places(session, since_arrival)) == ({"paid": 1, "finished": 1}, {"paid": 2})


def test_only_what_is_meant_ends_a_wait(session: Session) -> None:
    made = waiting_flow(session, where={"all": [{"property": "amount", "op": "gte", "value": 100}]})
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    does(session, one, "paid", amount=99)
    walk(session)
    assert places(session, made) == {"paid": 1}
    does(session, one, "paid", amount=100)
    walk(session)
    assert places(session, made) == {"finished": 1}


def test_a_goal_is_reached_from_the_middle_of_a_wait(session: Session) -> None:
    made = flow(
        session,
        step("wait", "wait", days=30),
        step("goal", "goal", event="paid", then="continue"),
        step("thanks", "tag", add=["t"]),
    )
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    does(session, one, "paid")
    walk(session)
    run = run_of(session, one)
    assert places(session, made) == {"finished": 1}
    assert run.converted_at is not None
    assert path(session, run.id) == [
        "entered wait", "arrived wait", "converted goal", "moved wait out", "moved goal in", "passed goal reached",
        "passed thanks next", "finished",
    ]  # fmt: skip


def test_a_goal_behind_somebody_does_not_call_him_back(session: Session) -> None:
    made = flow(session, step("goal", "goal", event="paid"), step("wait", "wait", days=30))
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    does(session, one, "paid")
    walk(session)
    assert places(session, made) == {"wait": 1}
    assert run_of(session, one).converted_at is not None, "but he has converted"


def test_whoever_has_ended_converts_within_the_time_and_not_after(session: Session) -> None:
    made = flow(session, step("goal", "goal", event="paid", window_days=10), holdout_percent="0")
    early, late = people.contacts(session, 2)
    enter(session, made, [early, late])
    walk(session)
    assert places(session, made) == {"finished": 2}
    with clock.at(clock.now() + timedelta(days=9)):
        does(session, early, "paid")
        walk(session)
    with clock.at(clock.now() + timedelta(days=11)):
        does(session, late, "paid")
        walk(session)
    converted = select(FlowRun.contact_id).where(FlowRun.converted_at.is_not(None))
    assert session.execute(converted).scalars().all() == [early]
    assert places(session, made) == {"finished": 2}


def test_an_exit_takes_effect_while_somebody_waits(session: Session) -> None:
    made = flow(session, step("wait", "wait", days=30), exits=[{"event": "closed"}])
    one, other = people.contacts(session, 2)
    enter(session, made, [one, other])
    walk(session)
    does(session, one, "closed")
    walk(session)
    assert places(session, made) == {"wait": 1, "left exit": 1}
    why = session.execute(select(FlowLog.why).where(FlowLog.kind == "left")).scalar_one()
    assert (why["reason"], why["event"]) == ("exit", "closed")


def test_of_much_that_happens_at_once_nothing_is_lost(session: Session) -> None:
    made = flow(
        session,
        step("paid", "wait_for", [branch("happened"), branch("timeout")], event="paid"),
        step("signed", "wait_for", [branch("happened"), branch("timeout")], event="signed"),
        step("goal", "goal", event="bought", then="continue"),
        step("last", "wait", days=9),
        exits=[{"event": "closed"}],
    )
    leaves, jumps, goes, twice = people.contacts(session, 4)
    enter(session, made, [leaves, jumps, goes, twice])
    walk(session)
    for one, events in {
        leaves: ("paid", "bought", "closed"),
        jumps: ("paid", "bought"),
        goes: ("paid",),
        twice: ("paid", "signed"),
    }.items():
        for event in events:
            does(session, one, event)
    walk(session)
    assert run_of(session, leaves).reason == "exit"
    assert [run_of(session, one).step for one in (jumps, goes, twice)] == ["last", "signed", "last"]
    assert [run_of(session, one).converted_at is not None for one in (leaves, jumps, goes)] == [True, True, False]


def test_a_flow_begins_with_an_event_that_is_meant(session: Session) -> None:
    where = {"all": [{"property": "amount", "op": "gt", "value": 5}]}
    made = flow(session, step("wait", "wait", days=1), trigger=on_event(where=where))
    one, other = people.contacts(session, 2)
    does(session, one, "applied", amount=6)
    does(session, other, "applied", amount=5)
    walk(session)
    assert places(session, made) == {"wait": 1}
    assert run_of(session, one).trigger["event"] == "applied"


def test_what_is_heard_together_with_the_beginning_counts_if_it_came_after_it(session: Session) -> None:
    """As after an hour without workers: the application was begun and sent, nobody is reminded of it."""
    ways = [branch("happened"), branch("timeout", step("remind", "tag", add=["reminded"]))]
    lane = step("hello", "tag", add=["x"]), step("sent", "wait_for", ways, event="sent"), step("last", "wait", days=9)
    made = flow(session, *lane, trigger=on_event(), exits=[{"event": "closed"}])
    sends, closes, before = people.contacts(session, 3)
    now = clock.now()
    for one, events in {sends: ("applied", "sent"), closes: ("applied", "closed"), before: ("sent", "applied")}.items():
        for minutes, event in enumerate(events):
            does(session, one, event, now - timedelta(minutes=9 - minutes))
    walk(session)
    assert [run_of(session, one).step for one in (sends, closes, before)] == ["last", None, "sent"]
    assert (run_of(session, closes).state, run_of(session, closes).reason) == ("left", "exit")
    assert run_of(session, sends).entered_at == now - timedelta(minutes=9)
    assert made.id == run_of(session, before).flow_id


def test_what_begins_a_flow_is_not_what_it_waits_for(session: Session) -> None:
    ways = [branch("happened"), branch("timeout")]
    flow(session, step("again", "wait_for", ways, event="applied"), trigger=on_event())
    [one] = people.contacts(session, 1)
    does(session, one, "applied")
    walk(session)
    assert run_of(session, one).step == "again"


def test_a_flow_is_entered_once_for_each_value_of_its_key(session: Session) -> None:
    made = flow(session, step("wait", "wait", days=1), trigger=on_event(key="loan"))
    [one] = people.contacts(session, 1)
    for loan in ("1", "2", "1"):
        does(session, one, "applied", loan=loan)
    walk(session)
    assert sorted(session.execute(select(FlowRun.key).where(FlowRun.flow_id == made.id)).scalars()) == ["1", "2"]


def test_an_event_that_only_a_page_told_begins_only_what_allows_it(session: Session) -> None:
    may = flow(session, step("wait", "wait", days=1), trigger=on_event(unverified=True), name="May")
    may_not = flow(session, step("wait", "wait", days=1), trigger=on_event(), name="May not")
    [one] = people.contacts(session, 1)
    does(session, one, "applied")
    session.execute(update(Event).values(is_verified=False))
    walk(session)
    assert (places(session, may), places(session, may_not)) == ({"wait": 1}, {})


# --- messages


def sent_flow(session: Session, did: str, name: str = "A flow", **config: Any) -> Any:
    ways = [branch("happened", step("yes", "tag", add=["yes"])), branch("timeout")]
    text = sending.email_template(session)
    wait = step("did", "wait_for", ways, did=did, **config)
    return flow(session, step("mail", "send_email", template_id=str(text.id)), wait, name=name)


def the_message(session: Session) -> Message:
    return session.execute(select(Message).execution_options(populate_existing=True)).scalar_one()


def target(session: Session, message: Message) -> Target:
    return Target("o", actor_of(session).organisation_id, message.occurrence_id, message.id)


PERSON = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Safari/537.36"


def test_who_opens_the_mail_goes_on(session: Session) -> None:
    made = sent_flow(session, "opened", step="mail")
    enter(session, made, people.contacts(session, 1))
    walk(session)
    assert places(session, made) == {"did": 1}
    links.opened(session, target(session, the_message(session)), PERSON)
    walk(session)
    assert places(session, made) == {"finished": 1}


def test_a_robot_that_opens_the_mail_wakes_nobody(session: Session) -> None:
    made = sent_flow(session, "opened")
    enter(session, made, people.contacts(session, 1))
    walk(session)
    links.opened(session, target(session, the_message(session)), "Googlebot/2.1")
    walk(session)
    assert places(session, made) == {"did": 1}


def test_a_mail_of_another_flow_ends_no_wait_of_this_one(session: Session) -> None:
    [one] = people.contacts(session, 1)
    first = sent_flow(session, "opened")
    enter(session, first, [one])
    walk(session)
    message = the_message(session)
    other = sent_flow(session, "opened", "Another")
    enter(session, other, [one])
    walk(session)
    links.opened(session, target(session, message), PERSON)
    walk(session)
    assert (places(session, first), places(session, other)) == ({"finished": 1}, {"did": 1})


def test_what_nobody_waits_for_leaves_no_row(session: Session) -> None:
    made = flow(session, step("mail", "send_email", template_id=str(sending.email_template(session).id)))
    enter(session, made, people.contacts(session, 1))
    walk(session)
    assert session.execute(select(Send.tells)).scalar_one() is None
    links.opened(session, target(session, the_message(session)), PERSON)
    assert session.execute(select(func.count()).select_from(MessageWake)).scalar_one() == 0


@pytest.mark.parametrize(
    ("did", "state", "dids"), [("sent", "sent", told.SAID_AT_ONCE), ("delivered", "delivered", told.SAID_LATER), ("failed", "failed", told.SAID_LATER)]
)  # fmt: skip
def test_what_became_of_the_message_ends_the_wait(
    session: Session, did: str, state: str, dids: tuple[str, ...]
) -> None:
    made = sent_flow(session, did)
    enter(session, made, people.contacts(session, 1))
    walk(session)
    message = the_message(session)
    told.tell(session, [(message.occurrence_id, message.id)], dids)
    walk(session)
    assert places(session, made) == {"did": 1}, "it is not so yet"
    message.state, message.sent_at = state, clock.now()
    session.flush()
    told.tell(session, [(message.occurrence_id, message.id)], dids)
    walk(session)
    assert places(session, made) == {"finished": 1}


def test_what_was_opened_before_the_wait_counts(session: Session) -> None:
    text = sending.email_template(session)
    made = flow(
        session,
        step("mail", "send_email", template_id=str(text.id)),
        step("pause", "wait", days=1),
        step("did", "wait_for", [branch("happened"), branch("timeout")], did="opened", step="mail"),
    )
    enter(session, made, people.contacts(session, 1))
    walk(session)
    links.opened(session, target(session, the_message(session)), PERSON)
    walk(session)
    assert places(session, made) == {"pause": 1}
    with clock.at(clock.now() + timedelta(days=2)):
        walk(session)
    assert places(session, made) == {"finished": 1}


def test_a_flow_begins_with_what_happened_to_a_message_of_a_campaign(session: Session) -> None:
    people.contacts(session, 1)
    campaign_id = UUID(int=7)
    send = sending.send_to_everybody(session, sending.email_template(session), campaign_id)
    trigger = {"id": "trigger", "type": "message", "config": {"did": "clicked", "campaign_id": str(campaign_id)}}
    made = flow(session, step("wait", "wait", days=1), trigger=trigger)
    other = flow(
        session, step("wait", "wait", days=1), name="Of another", trigger=trigger | {"config": {"did": "clicked", "campaign_id": str(UUID(int=8))}}
    )  # fmt: skip
    session.refresh(send)
    assert send.tells == ["clicked"]
    links.clicked(session, target(session, the_message(session)), PERSON)
    walk(session)
    assert (places(session, made), places(session, other)) == ({"wait": 1}, {})


def test_a_new_version_hears_of_what_the_one_before_has_sent(session: Session) -> None:
    mail = step("mail", "send_email", template_id=str(sending.email_template(session).id))
    made = flow(session, mail, step("did", "wait_for", [branch("happened"), branch("timeout")], event="paid"))
    enter(session, made, people.contacts(session, 1))
    walk(session)
    assert made.version_id is not None
    old, made.definition = made.version_id, drawing(
        mail, step("did", "wait_for", [branch("happened"), branch("timeout")], did="opened", step="mail")
    )  # fmt: skip
    new = version(session, made, number=2)
    made.version_id = new.id
    placement.carry(session, made, new, {old: {"did": "go_on"}})
    triggers.begin_listening(session, made)
    links.opened(session, target(session, the_message(session)), PERSON)
    walk(session)
    assert places(session, made) == {"finished": 1}
