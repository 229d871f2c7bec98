"""Other systems are called: signed, with what was approved, under one id, again when it was in vain."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock
from app.core.actor import system
from app.core.unit import act_as, unit_of_work
from app.domain.access.keyring import vault_of
from app.domain.access.models import Organisation
from app.domain.contacts import profile
from app.domain.flows import calls
from app.domain.flows.models import Flow, FlowDestination, FlowLog
from app.gateways.http import Answer, AnswerTimeout
from app.gateways.signature import verify
from tests.factories import people
from tests.factories.flows import enter, flow, path, places, run_of, step, walk

SECRET = "s3cret"


class Receiver:
    """Another system: answers with what it was told to, and remembers what it was asked."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, bytes, dict[str, str]]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def request(self, method: str, url: str, *, body: bytes, headers: dict[str, str]) -> Answer:
        self.asked.append((url, body, headers))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, Exception):
            raise said
        return Answer(said, {}, b"")


@pytest.fixture
def destination(session: Session, organisation: Organisation) -> FlowDestination:
    made = FlowDestination(
        organisation_id=organisation.id, name="CRM", url="https://crm.example/in", secret=b"", created_by=organisation.id,
        fields=["external_id", "properties.tier", "event.amount"], created_at=clock.now(), approved_at=clock.now(),
    )  # fmt: skip
    session.add(made)
    session.flush()
    made.secret = vault_of(session).seal(SECRET.encode(), f"flow_destinations|secret|{made.id}")
    session.flush()
    return made


def calling(session: Session, destination: FlowDestination) -> Flow:
    return flow(session, step("crm", "webhook", destination_id=str(destination.id)), step("wait", "wait", days=9))


def make_calls(factory: sessionmaker[Session], session: Session, receiver: Receiver) -> None:
    """A worker makes the calls that are due; nothing of them is in the test's own transaction."""
    session.commit()
    organisation_id = session.info["actor"].organisation_id
    calls.call_all(lambda: unit_of_work(factory, system(organisation_id)), lambda: receiver)  # type: ignore[arg-type, return-value]
    act_as(session, system(organisation_id))
    walk(session)


def test_a_call_is_signed_and_tells_what_was_approved_and_no_more(
    factory: sessionmaker[Session], session: Session, destination: FlowDestination
) -> None:
    made = calling(session, destination)
    [one] = people.contacts(session, 1, properties={"tier": "gold", "income": 5})
    enter(session, made, [one], properties={"amount": 7, "iban": "IL1"})
    walk(session)
    assert places(session, made) == {"crm": 1}
    receiver = Receiver(204)
    make_calls(factory, session, receiver)
    [(url, body, headers)] = receiver.asked
    assert url == "https://crm.example/in"
    assert verify(SECRET, headers[calls.SIGNATURE], body, clock.now())
    said = json.loads(body)
    assert said["id"] == headers[calls.KEY]
    assert said["contact"] == {"external_id": "0", "properties.tier": "gold"}
    assert said["event"] == {"amount": 7}
    assert said["flow"] == {"id": str(made.id), "name": "A flow", "step": "crm"}
    assert places(session, made) == {"wait": 1}
    assert path(session, run_of(session, one).id) == [
        "entered crm",
        "arrived crm",
        "called crm",
        "passed crm next",
        "arrived wait",
    ]


@pytest.mark.parametrize("trouble", [500, 429, AnswerTimeout("no answer")], ids=str)
def test_a_call_in_vain_is_made_again_under_the_same_id(
    factory: sessionmaker[Session], session: Session, destination: FlowDestination, trouble: int | Exception
) -> None:
    made = calling(session, destination)
    enter(session, made, people.contacts(session, 1))
    walk(session)
    receiver = Receiver(trouble, 200)
    make_calls(factory, session, receiver)
    make_calls(factory, session, receiver)
    assert len(receiver.asked) == 1, "not at once"
    assert places(session, made) == {"crm": 1}
    with clock.at(clock.now() + timedelta(minutes=2)):
        make_calls(factory, session, receiver)
    assert places(session, made) == {"wait": 1}
    [first, second] = receiver.asked
    assert first[2][calls.KEY] == second[2][calls.KEY]


def test_after_four_calls_in_vain_it_has_failed(
    factory: sessionmaker[Session], session: Session, destination: FlowDestination
) -> None:
    made = calling(session, destination)
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    receiver, hours = Receiver(500), 0
    for hours in range(6):
        with clock.at(clock.now() + timedelta(hours=hours)):
            make_calls(factory, session, receiver)
    assert len(receiver.asked) == 4
    run = run_of(session, one)
    assert (run.state, run.failure, run.step) == ("failed", "The system refused it: it answered 500.", "crm")


def test_who_was_being_called_for_when_the_worker_died_is_called_again_under_the_same_id(
    factory: sessionmaker[Session], session: Session, destination: FlowDestination
) -> None:
    made = calling(session, destination)
    enter(session, made, people.contacts(session, 1))
    walk(session)
    [lost] = calls._claim(session, made.id)  # and then it dies
    receiver = Receiver(200)
    make_calls(factory, session, receiver)
    assert receiver.asked == [], "somebody else may be at it"
    session.execute(text("UPDATE flow_runs SET lease_until = clock_timestamp() - interval '1 second'"))
    make_calls(factory, session, receiver)
    assert isinstance(lost, calls.Call)
    assert [asked[2][calls.KEY] for asked in receiver.asked] == [lost.headers[calls.KEY]]
    assert places(session, made) == {"wait": 1}


def test_an_answer_for_somebody_who_was_moved_meanwhile_changes_nothing(
    session: Session, destination: FlowDestination
) -> None:
    made = calling(session, destination)
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    [call] = calls._claim(session, made.id)
    session.execute(text("UPDATE flow_runs SET state = 'left', step = NULL, due_at = NULL"))
    calls._record(session, made.id, [calls.Answered(call.row, 200)])
    assert places(session, made) == {"left": 1}


def test_nobody_is_called_for_who_was_deleted(
    factory: sessionmaker[Session], session: Session, destination: FlowDestination, organisation: Organisation
) -> None:
    made = calling(session, destination)
    [one] = people.contacts(session, 1)
    enter(session, made, [one])
    walk(session)
    profile.delete(session, one, by=system(organisation.id))
    receiver = Receiver(200)
    make_calls(factory, session, receiver)
    assert receiver.asked == []
    assert places(session, made) == {"left gone": 1}


def test_a_destination_that_is_gone_fails_the_step(
    factory: sessionmaker[Session], session: Session, destination: FlowDestination
) -> None:
    made = calling(session, destination)
    enter(session, made, people.contacts(session, 1))
    walk(session)
    destination.archived_at = clock.now()
    receiver = Receiver(200)
    make_calls(factory, session, receiver)
    assert receiver.asked == []
    kinds: Sequence[Any] = session.execute(select(FlowLog.kind).order_by(FlowLog.id)).scalars().all()
    assert kinds[-1] == "retried"
