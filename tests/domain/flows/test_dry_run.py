"""A flow is walked without doing anything; and what happened to somebody is told in words of both languages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core import clock, i18n
from app.core.actor import system
from app.core.errors import Invalid, NotFound
from app.core.unit import actor_of
from app.domain.access.models import Organisation
from app.domain.calendar import hours
from app.domain.contacts import profile
from app.domain.flows import drafts, dry_run, log, rehearsal
from app.domain.flows import people as crowd
from app.domain.flows.drafts import FlowInput
from app.domain.flows.models import Flow, FlowLog, FlowRun
from app.domain.flows.people import Act
from app.domain.messages.models import Message
from app.domain.segments.saying import spoken
from tests.domain.flows.test_hearing import does
from tests.factories import people, sending
from tests.factories.flows import branch, drawing, enter, flow, run_of, step, walk

pytestmark = pytest.mark.usefixtures("organisation")
HAIFA = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}
MONDAY = datetime(2026, 11, 30, 8, tzinfo=UTC)


def journey(session: Session) -> Flow:
    """A draft with a text, a condition, waits and a goal."""
    sending.account(session)
    text = sending.sms_template(session, message_class="service")
    lane = [
        step("hello", "send_sms", template_id=str(text.id)),
        step("wait", "wait", days=2),
        step(
            "city",
            "split",
            [branch("haifa", step("pause", "wait", hours=1), when=HAIFA), branch("else", step("bye", "exit"))],
        ),
        step(
            "paid", "wait_for", [branch("happened", step("vip", "tag", add=["vip"])), branch("timeout")], event="paid"
        ),
        step("goal", "goal", event="bought"),
    ]
    new = FlowInput(name="A journey", definition=drawing(*lane))
    return drafts.create(session, new, by=people.staff(session, "marketer"))


def walked(session: Session, made: Flow, contact_id: Any, **happens: bool) -> dry_run.Path:
    by = people.staff(session, "viewer", f"v{len(happens)}{sum(happens.values())}")
    return dry_run.one(session, made, contact_id, at=MONDAY, happens=happens, by=by)


def test_the_path_of_one_person_with_its_times_and_texts(session: Session) -> None:
    made = journey(session)
    [one] = people.contacts(session, 1, city="Haifa")
    found = walked(session, made, one)
    assert [(stop.step.id, stop.port) for stop in found.stops] == [
        ("hello", "next"), ("wait", "next"), ("city", "haifa"), ("pause", "next"), ("paid", "timeout"), ("goal", "next"),
    ]  # fmt: skip
    assert found.ends == "finished"
    hello, wait, city, pause, paid, goal = found.stops
    assert hello.text is not None
    assert hello.text.body.startswith("Hello D")
    assert (hello.reason, hello.goes_at) == (None, MONDAY)
    assert wait.until == MONDAY + timedelta(days=2)
    assert city.verdicts["haifa"][0].value == "Haifa"
    assert pause.until == MONDAY + timedelta(days=2, hours=1)
    assert paid.until == goal.at == MONDAY + timedelta(days=5, hours=1)


def test_the_times_of_a_person_are_by_the_clock_where_he_is(session: Session, organisation: Organisation) -> None:
    text, week = (
        sending.sms_template(session, "Advertisement. To stop: {{ unsubscribe_url }}"),
        {str(day): {"opens": "09:00", "closes": "19:30"} for day in range(7)},
    )
    sending.account(session)
    hours.keep(session, hours.CalendarInput.model_validate({"week": week, "holidays": ""}), by=system(organisation.id))
    made = flow(session, step("until", "wait_until", at="21:00"), step("offer", "send_sms", template_id=str(text.id)))
    [one] = people.contacts(session, 1, timezone="Asia/Tokyo")
    found = walked(session, made, one)
    until, offer = found.stops
    assert found.zone == "Asia/Tokyo"
    assert until.until == datetime(2026, 11, 30, 12, tzinfo=UTC), "nine in the evening there"
    assert offer.goes_at == datetime(2026, 12, 1, 0, tzinfo=UTC), "nine in the morning there"


def test_what_it_waits_for_may_be_said_to_happen(session: Session) -> None:
    made = journey(session)
    [one] = people.contacts(session, 1, city="Haifa")
    found = walked(session, made, one, paid=True, goal=True)
    assert [stop.step.id for stop in found.stops][-3:] == ["paid", "vip", "goal"]
    assert found.stops[-1].port == "reached"
    assert found.stops[-1].at == MONDAY + timedelta(days=2, hours=1)


def test_nothing_is_written(session: Session) -> None:
    made = journey(session)
    [one] = people.contacts(session, 1, city="Haifa")
    walked(session, made, one, paid=True)
    rehearsal.audience(session, made, by=people.staff(session, "viewer"))
    for table in (Message, FlowRun, FlowLog):
        assert session.execute(select(func.count()).select_from(table)).scalar_one() == 0
    assert not session.dirty
    assert not session.new


def test_a_draft_that_cannot_run_is_not_walked(session: Session) -> None:
    made = flow(session, step("hello", "wait"))
    [one] = people.contacts(session, 1)
    with pytest.raises(Invalid):
        walked(session, made, one)


def test_nobody_is_walked_who_is_not_there(session: Session) -> None:
    made = journey(session)
    [one] = people.contacts(session, 1)
    profile.delete(session, one, by=system(actor_of(session).organisation_id))
    with pytest.raises(NotFound):
        walked(session, made, one)


def test_the_numbers_of_everybody_step_by_step(session: Session) -> None:
    made = journey(session)
    people.contacts(session, 3, city="Haifa")
    people.contacts(session, 2, start=3, city="Eilat")
    shares = {one.step.id: one for one in rehearsal.audience(session, made, by=people.staff(session, "viewer"))}
    assert {name: one.comes for name, one in shares.items()} == {
        "hello": 5, "wait": 5, "city": 5, "pause": 3, "bye": 2, "paid": 3, "vip": 3, "goal": 3,
    }  # fmt: skip
    assert shares["city"].branches == {"haifa": 3, "else": 2}
    assert shares["hello"].waterfall == {"matched": 5, "will_receive": 5}
    assert shares["paid"].depends
    assert shares["paid"].branches == {"happened": 3, "timeout": 3}


def test_a_draw_is_counted_as_it_will_be(session: Session) -> None:
    ways = [branch("a", step("x", "tag", add=["x"]), percent=30), branch("b", percent=70)]
    made = flow(session, step("ab", "ab_split", ways), step("end", "tag", add=["y"]))
    them = people.contacts(session, 60)
    [ab, x, end] = rehearsal.audience(session, made, by=people.staff(session, "viewer"))
    enter(session, made, them)
    walk(session)
    passed = (
        select(FlowLog.port, func.count()).where(FlowLog.step == "ab", FlowLog.kind == "passed").group_by(FlowLog.port)
    )
    assert dict(session.execute(passed).all()) == dict(ab.branches)
    assert (x.comes, end.comes) == (ab.branches["a"], 60)


# --- words


def lines(session: Session, run: FlowRun, locale: str = "en") -> list[str]:
    found = log.of_run(session, run.id, by=people.staff(session, "viewer", f"viewer{locale}"))
    return [spoken(line.said, i18n.translator(locale).gettext) for line in found]


def told(session: Session) -> FlowRun:
    """A run to which much has happened."""
    text = sending.sms_template(session)
    made = flow(
        session,
        step("city", "split", [branch("haifa", when=HAIFA, label="From Haifa"), branch("else")]),
        step("sms", "send_sms", template_id=str(text.id)),
        step("wait", "wait", days=1),
        step("paid", "wait_for", [branch("happened"), branch("timeout")], event="paid"),
        step("goal", "goal", event="bought"),
        trigger={"id": "trigger", "type": "event", "config": {"event": "applied"}},
    )
    [one] = people.contacts(session, 1, city="Haifa", consent=False)
    does(session, one, "applied")
    walk(session)
    by = people.staff(session, "operator")
    crowd.skip(session, made.id, Act([run_of(session, one).id], "He called", by))
    walk(session)
    with clock.at(clock.now() + timedelta(minutes=1)):
        does(session, one, "bought")
        walk(session)
    return run_of(session, one)


def test_what_happened_to_somebody_is_told_in_order(session: Session) -> None:
    run = told(session)
    assert lines(session, run) == [
        "Entered by the event “applied”",
        "Went the way “From Haifa”: Everybody for whom City is “Haifa”. It was: City = Haifa",
        "Got no message: No consent",
        "Waits here",
        "Was passed on by Operator: He called",
        "Waits here",
        "Did what the flow is for: bought",
        "Went to another step",
        "Went to another step",
        "Reached the goal",
        "Came to the end",
    ]
    found = log.of_run(session, run.id, by=people.staff(session, "auditor"))
    assert found[2].message is not None
    assert found[2].message.reason == "no_consent"
    assert found[3].until is not None


def test_the_words_are_hebrew_where_they_are_to_be(session: Session) -> None:
    run = told(session)
    english, hebrew = lines(session, run), lines(session, run, "he")
    assert hebrew[-1] == "הגיע לסוף"
    assert not set(english) & set(hebrew)


def test_everybody_else_is_told_with_what_was_asked_about(session: Session) -> None:
    other = {"kind": "field", "field": "language", "op": "eq", "value": "he"}
    ways = [branch("haifa", when=HAIFA), branch("hebrew", when=other), branch("else")]
    made = flow(session, step("city", "split", ways), step("wait", "wait", days=1))
    [one] = people.contacts(session, 1, city="Eilat", language="en")
    enter(session, made, [one])
    walk(session)
    assert "Went the way “Everybody else”. It was: City = Eilat, Language = en" in lines(session, run_of(session, one))


def test_a_wait_for_a_text_that_would_not_be_sent_is_not_waited_for(session: Session) -> None:
    sending.account(session)
    text = sending.sms_template(session, "Advertisement. To stop: {{ unsubscribe_url }}")
    wait = step("read", "wait_for", [branch("happened"), branch("timeout")], did="delivered", step="hello")
    lane = [step("hello", "send_sms", template_id=str(text.id)), wait]
    made = drafts.create(
        session, FlowInput(name="A draft", definition=drawing(*lane)), by=people.staff(session, "marketer")
    )
    refusing, willing = people.contacts(session, 1, consent=False)[0], people.contacts(session, 1, start=1)[0]
    hello, read = walked(session, made, refusing).stops
    assert (hello.reason, read.reason, read.port, read.until) == ("no_consent", "no_consent", "timeout", MONDAY)
    assert walked(session, made, refusing, read=True).stops[1].port == "happened"
    _, read = walked(session, made, willing, hello=False, read=False).stops
    assert (read.reason, read.until) == (None, MONDAY + timedelta(days=3))
