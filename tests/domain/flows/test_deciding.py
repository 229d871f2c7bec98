"""What colleagues are asked about people in flows: who is asked, about whom, and what an answer does."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.page import Ask
from app.domain.access.models import Organisation
from app.domain.audit.models import AuditEntry
from app.domain.flows import deciding
from app.domain.flows import people as crowd
from app.domain.flows.models import Flow, FlowRun
from app.domain.flows.people import Act
from tests.factories import people
from tests.factories.flows import branch, enter, flow, path, places, step, walk

WAYS = [branch("approved"), branch("rejected")]


def asking(session: Session, role: str = "bank_officer", name: str = "A flow") -> Flow:
    ways = [branch("approved", step("yes", "tag", add=["yes"])), branch("rejected", step("no", "tag", add=["no"]))]
    return flow(session, step("ask", "review", ways, role=role, question="Is it right?"), name=name)


def those_in(session: Session, *flows: Flow) -> list[Any]:
    wanted = [one.id for one in flows]
    return list(session.execute(select(FlowRun.id).where(FlowRun.flow_id.in_(wanted)).order_by(FlowRun.id)).scalars())


@pytest.fixture
def officer(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "bank_officer")


def test_a_role_is_asked_once_a_step_about_everybody_who_stands_there(session: Session, officer: Actor) -> None:
    first, other = asking(session), asking(session, "operator", "Another")
    enter(session, first, people.contacts(session, 3))
    enter(session, other, people.contacts(session, 2, start=50))
    walk(session)
    [question] = deciding.questions(session, by=officer)
    assert (question.flow_name, question.people, question.role) == ("A flow", 3, "bank_officer")
    assert question.since <= clock.now()
    assert [row[0].flow_id for row in deciding.waiting(session, Ask(), by=officer).items] == [first.id] * 3
    assert len(deciding.waiting(session, Ask(), flow_id=other.id, by=officer).items) == 2  # seen, though not asked
    assert deciding.questions(session, by=people.staff(session, "viewer")) == []


def test_whose_time_runs_out_first_stands_at_the_top(session: Session, officer: Actor) -> None:
    asks = {"role": "bank_officer", "question": "Is it right?"}
    late, soon = (
        flow(session, step("ask", "review", WAYS, timeout={"days": days}, **asks), name=f"In {days} days")
        for days in (9, 2)
    )
    for n, one in enumerate((late, soon)):
        enter(session, one, people.contacts(session, 2, start=10 * n))
    walk(session)
    first = deciding.waiting(session, Ask(per_page=3), by=officer)
    assert [row[0].flow_id for row in first.items] == [soon.id, soon.id, late.id]
    rest = deciding.waiting(session, Ask(first.next, 3), by=officer)
    assert [row[0].flow_id for row in rest.items] == [late.id]
    assert {row[0].id for page in (first, rest) for row in page.items} == {*those_in(session, late, soon)}


def test_one_answer_is_for_people_of_several_flows(session: Session, officer: Actor) -> None:
    made = [asking(session, name=name) for name in ("One", "Two")]
    for n, one in enumerate(made):
        enter(session, one, people.contacts(session, 2, start=10 * n))
    walk(session)
    assert deciding.decide(session, Act(those_in(session, *made), "Looked at them", officer), is_approved=True) == 4
    session.flush()
    assert deciding.questions(session, by=officer) == []
    walk(session)
    for run in those_in(session, *made):
        assert "passed ask approved" in path(session, run)
    query = select(AuditEntry.after).where(AuditEntry.action == "flow.people").order_by(AuditEntry.id)
    session.commit()
    said = {"people": 2, "act": "approved", "reason": "Looked at them"}
    assert session.execute(query).scalars().all() == [said, said]


def test_what_is_decided_is_not_decided_again(session: Session, officer: Actor) -> None:
    """The first answer stands, also while the flow is paused and nobody walks on."""
    made = asking(session)
    enter(session, made, people.contacts(session, 2))
    walk(session)
    first, second = those_in(session, made)
    made.state = "paused"
    crowd.decide(session, made.id, Act([first], "Right", officer), is_approved=True)
    session.expire_all()
    assert crowd.decide(session, made.id, Act([first, second], "Wrong", officer), is_approved=False) == 1
    session.expire_all()
    with pytest.raises(Conflict):
        deciding.decide(session, Act([first, second], "Wrong", officer), is_approved=False)
    made.state = "active"
    session.flush()
    walk(session)
    assert "passed ask approved" in path(session, first)
    assert "passed ask rejected" in path(session, second)
    assert places(session, made) == {"finished": 2}


def test_nobody_answers_a_question_he_has_not_seen(session: Session, officer: Actor) -> None:
    """Somebody else answers the first question meanwhile, and the person stands at the next one of the same role."""
    second = step(
        "again", "review", [branch("approved"), branch("rejected")], role="bank_officer", question="And this?"
    )
    ways = [branch("approved", second), branch("rejected")]
    made = flow(session, step("ask", "review", ways, role="bank_officer", question="Is it right?"), name="Twice")
    enter(session, made, people.contacts(session, 1))
    walk(session)
    [run] = those_in(session, made)
    seen = session.get_one(FlowRun, run).arrived_at
    with clock.at(clock.now() + timedelta(minutes=1)):
        deciding.decide(session, Act([run], "Right", officer, seen), is_approved=True)
        session.expire_all()
        walk(session)
        assert [one.step.id for one in deciding.questions(session, by=officer)] == ["again"]
        with pytest.raises(Conflict):
            deciding.decide(session, Act([run], "Right", officer, seen), is_approved=True)
        now_seen = session.get_one(FlowRun, run).arrived_at
        assert deciding.decide(session, Act([run], "Right", officer, now_seen), is_approved=True) == 1


def test_a_flow_that_a_colleague_has_dealt_with_does_not_hold_up_the_others(session: Session, officer: Actor) -> None:
    made = [asking(session, name=name) for name in ("One", "Two")]
    for n, one in enumerate(made):
        enter(session, one, people.contacts(session, 1, start=10 * n))
    walk(session)
    first, second = those_in(session, *made)
    deciding.decide(session, Act([first], "Right", officer), is_approved=True)
    session.expire_all()
    assert deciding.decide(session, Act([first, second], "Right", officer), is_approved=True) == 1


def test_another_role_does_not_decide_and_nobody_without_a_reason(session: Session, officer: Actor) -> None:
    made = asking(session)
    enter(session, made, people.contacts(session, 1))
    walk(session)
    runs = those_in(session, made)
    with pytest.raises(Forbidden):
        deciding.decide(session, Act(runs, "Let me", people.staff(session, "admin")), is_approved=True)
    with pytest.raises(Invalid):
        deciding.decide(session, Act(runs, "  ", officer), is_approved=True)
    key = Actor(**{**officer.__dict__, "kind": "key", "permissions": frozenset({"flows:read"})})
    with pytest.raises(Forbidden):
        deciding.decide(session, Act(runs, "A key that only reads", key), is_approved=True)
