"""The numbers of a flow add up, whatever happened in it; people of older versions go where it was chosen."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from app.core import clock
from app.domain.flows import people as crowd
from app.domain.flows import placement, results, triggers
from app.domain.flows.models import Flow, FlowRun, FlowVersion
from app.domain.flows.people import Act
from app.domain.flows.results import Group
from app.domain.notices.models import Notice
from tests.domain.flows.test_hearing import does
from tests.factories import people, sending
from tests.factories.flows import branch, drawing, enter, flow, places, run_of, step, version, walk

pytestmark = pytest.mark.usefixtures("organisation")
HAIFA = {"kind": "field", "field": "city", "op": "eq", "value": "Haifa"}


def busy(session: Session) -> tuple[Flow, list[Any]]:
    """A flow in which people wait, went, left, were moved, reached the goal and go round."""
    text_id = str(sending.sms_template(session).id)
    made = flow(
        session,
        step("city", "split", [branch("haifa", step("sms", "send_sms", template_id=text_id), when=HAIFA), branch("else")]),
        step("wait", "wait", days=1),
        step("paid", "wait_for", [branch("happened"), branch("timeout")], event="paid"),
        step("late", "wait", days=1),
        step("goal", "goal", event="bought", then="continue"),
        step("back", "go_to", target="wait", max_visits=1),
        exits=[{"event": "closed"}],
    )  # fmt: skip
    them = [
        *people.contacts(session, 4, city="Haifa"),
        *people.contacts(session, 4, start=4, city="Eilat", consent=False),
    ]
    enter(session, made, them)
    walk(session)
    does(session, them[0], "closed")
    does(session, them[1], "bought")
    walk(session)
    by = people.staff(session, "operator")
    crowd.move(session, made.id, "late", Act([run_of(session, them[2]).id], "a test", by))
    crowd.take_out(session, made.id, Act([run_of(session, them[3]).id], "a test", by))
    for days in (1.1, 2.2, 5.5):
        with clock.at(clock.now() + timedelta(days=days)):
            walk(session)
            does(session, them[4], "paid")
            walk(session)
    return made, them


def test_the_people_of_every_step_add_up(session: Session) -> None:
    made, them = busy(session)
    found = results.numbers(session, made, by=people.staff(session, "viewer"))
    assert found.entered == len(them)
    assert found.entered == found.waiting + found.failed + found.finished + found.left
    assert found.reasons[("left", "exit")] == 1
    assert found.reasons[("left", "removed")] == 1
    assert made.version_id is not None
    steps = found.steps[made.version_id]
    assert {name: one.came for name, one in steps.items() if not one.is_balanced} == {}
    assert steps["city"].passed == {"haifa": 4, "else": 4}
    assert steps["sms"].messages is not None
    assert steps["sms"].messages.audience == 4
    assert steps["goal"].converted == 1
    assert steps["wait"].moved == 2, "one by a person, one by his goal"


@pytest.mark.parametrize(
    "harm",
    [
        text("DELETE FROM flow_runs WHERE id = (SELECT id FROM flow_runs WHERE step IS NOT NULL LIMIT 1)"),
        text("UPDATE flow_runs SET step = 'late' WHERE id = (SELECT id FROM flow_runs WHERE step = 'paid' LIMIT 1)"),
    ],
    ids=["somebody is lost", "somebody is at two places"],
)
def test_at_night_somebody_is_told_when_they_do_not(session: Session, harm: Any) -> None:
    made, _ = busy(session)
    enter(session, made, people.contacts(session, 3, start=50))
    walk(session)
    with clock.at(clock.now() + timedelta(days=1, hours=1)):
        walk(session)
    people.staff(session, "operator", "watch")
    night = (clock.now() + timedelta(days=1)).astimezone(clock.ZoneInfo("Asia/Jerusalem")).replace(hour=2, minute=10)
    with clock.at(night):
        results.balance(session)
        assert session.execute(select(Notice)).first() is None
        session.execute(harm)
        results.balance(session)
    assert "do not add up" in session.execute(select(Notice.subject)).scalars().first()
    session.execute(delete(Notice))
    with clock.at(night.replace(hour=3)):
        results.balance(session)
        assert session.execute(select(Notice)).first() is None, "once a night"


def test_conversion_is_of_people_and_beside_the_control_group(session: Session) -> None:
    made = flow(session, step("wait", "wait", hours=1), step("goal", "goal", event="bought"), holdout_percent="50")
    enter(session, made, people.contacts(session, 60))
    walk(session)
    control = session.execute(select(FlowRun.contact_id).where(FlowRun.is_control)).scalars().all()
    treated = session.execute(select(FlowRun.contact_id).where(FlowRun.is_control.is_(False))).scalars().all()
    for one in [*control[:2], *treated[:9]]:
        does(session, one, "bought")
    walk(session)
    found = results.numbers(session, made, by=people.staff(session, "viewer"))
    assert found.control == Group(len(control), 2)
    assert found.treated == Group(len(treated), 9)
    assert found.lift == pytest.approx(9 / len(treated) - 2 / len(control))


def test_the_interval_of_a_lift_is_that_of_the_literature() -> None:
    """Newcombe 1998, table II, method 10: 56/70 against 48/80 is 0.0524 to 0.3339."""
    found = results.FlowNumbers(treated=Group(70, 56), control=Group(80, 48))
    assert found.lift_interval == pytest.approx((0.0524, 0.3339), abs=0.00005)
    assert results.FlowNumbers(treated=Group(70, 56)).lift_interval is None


# --- a new version


def renewed(session: Session, made: Flow, choices: dict[str, str], *lane: dict[str, Any]) -> FlowVersion:
    """Another version runs, with what was chosen for those in the first."""
    assert made.version_id is not None
    old = made.version_id
    made.definition = drawing(*lane)
    new = version(session, made, number=2)
    made.version_id = new.id
    placement.carry(session, made, new, {old: choices})
    triggers.begin_listening(session, made)
    return new


@pytest.mark.parametrize(
    ("choice", "ends"),
    [
        ("finish", {"wait": 1}),
        ("go_on", {"wait": 1}),
        ("move:other", {"other": 1}),
        ("leave", {"left version": 1}),
    ],
)
def test_those_who_wait_in_an_older_version_go_where_it_was_chosen(
    session: Session, choice: str, ends: dict[str, int]
) -> None:
    made = flow(session, step("wait", "wait", days=2), step("old", "tag", add=["old"]))
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    due = run_of(session, one).due_at
    assert made.version_id is not None
    assert placement.waiting_by_step(session, made) == {made.version_id: {"wait": 1}}
    new = renewed(
        session, made, {"wait": choice}, step("wait", "wait", days=5), step("other", "wait", days=1), step("new", "tag", add=["new"])
    )  # fmt: skip
    walk(session)
    assert places(session, made) == ends
    run = run_of(session, one)
    assert (run.version_id == new.id) == (choice in ("go_on", "move:other"))
    assert choice not in ("finish", "go_on") or run.due_at == due, (
        "a shorter or longer wait changes nothing for who waits"
    )
    assert results.unbalanced(session, made) == []
    with clock.at(clock.now() + timedelta(days=9)):
        walk(session)
        walk(session)
    assert results.unbalanced(session, made) == []


def test_who_failed_in_an_older_version_is_tried_again_in_the_new_one(session: Session) -> None:
    made = flow(session, step("tag", "tag", add=["x"]), step("wait", "wait", days=1))
    enter(session, made, people.contacts(session, 1))
    session.execute(update(FlowRun).values(state="failed", failure="broken", due_at=None))
    renewed(session, made, {"tag": "go_on"}, step("tag", "tag", add=["y"]), step("wait", "wait", days=1))
    walk(session)
    assert places(session, made) == {"wait": 1}


def test_a_wait_that_now_waits_for_something_else_hears_that(session: Session) -> None:
    ways = [branch("happened"), branch("timeout")]
    made = flow(session, step("w", "wait_for", ways, event="paid"))
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    renewed(session, made, {"w": "go_on"}, step("w", "wait_for", ways, event="signed"))
    does(session, one, "paid")
    walk(session)
    assert places(session, made) == {"w": 1}
    does(session, one, "signed")
    walk(session)
    assert places(session, made) == {"finished": 1}


def test_a_flow_that_is_put_away_lets_everybody_leave(session: Session) -> None:
    made = flow(session, step("wait", "wait", days=2))
    enter(session, made, people.contacts(session, 2))
    walk(session)
    assert placement.leave_all(session, made, "archived") == 2
    assert places(session, made) == {"left archived": 2}
    assert results.unbalanced(session, made) == []
