"""Workers are killed without warning while they move ten thousand people through a flow: no step is done twice, nobody is lost."""

import os
import random
import signal
import sys
import time
from collections import Counter
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import act_as, unit_of_work
from app.domain.access import users
from app.domain.contacts.models import Contact
from app.domain.flows import results, starts
from app.domain.flows.models import Flow, FlowLog, FlowRun
from app.domain.messages.models import Message
from ops.launcher.kernel import end_session
from ops.launcher.processes import Child
from tests.factories import flows, sending
from tests.servers import throwaway
from tests.speed.crowd import fill

PEOPLE = 10_000
KILLS = 4


def make(factory: sessionmaker[Session]) -> tuple[UUID, UUID]:
    """Everybody is about to begin: a tag, a text, a draw with a tag for half, a second text, a way back, the end."""
    with unit_of_work(factory, None) as session:
        organisation = users.create_organisation(session, users.NewOrganisation(name="Bank"))
        act_as(session, system(organisation.id))
        fill(session, organisation.id, PEOPLE, reachable=True)
        session.execute(update(Contact).values(deleted_at=None))
        first, second = (str(sending.sms_template(session, f"Text {n}").id) for n in (1, 2))
        half = [flows.branch("a", flows.step("half", "tag", add=["half"]), percent=50), flows.branch("b", percent=50)]
        made = flows.flow(
            session,
            flows.step("tag", "tag", add=["seen"]),
            flows.step("one", "send_sms", template_id=first),
            flows.step("draw", "ab_split", half),
            flows.step("two", "send_sms", template_id=second),
            flows.step("back", "go_to", target="draw", max_visits=1),
        )
        assert starts.enter(session, made, select(Contact.id), {"type": "api"}) == PEOPLE
    return organisation.id, made.id


def on_their_way(factory: sessionmaker[Session], organisation_id: UUID) -> int:
    with unit_of_work(factory, system(organisation_id)) as session:
        return int(session.execute(select(func.count()).where(FlowRun.state == "active")).scalar_one())


def settled(factory: sessionmaker[Session], organisation_id: UUID) -> int:
    """How many are on their way when nobody moves any more, or after two minutes."""
    deadline = time.monotonic() + 120
    while (left := on_their_way(factory, organisation_id)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return left


def test_no_step_is_done_twice_and_nobody_is_lost() -> None:
    dice = random.Random(7)
    with throwaway.servers(durable=True) as servers:
        env = servers.env()
        settings = Settings.from_env(env)
        engine = make_engine(settings)
        factory = session_factory(engine, settings)
        organisation_id, flow_id = make(factory)
        command = [sys.executable, "-m", "jobs.worker", "flows.execute", "sweeper"]
        workers = Child("workers", command, {**os.environ, **env}, servers.place / "workers.log")
        seen = [PEOPLE]
        workers.start()
        for _ in range(KILLS):
            while on_their_way(factory, organisation_id) == seen[-1]:  # until it is in the midst of it
                time.sleep(0.05)
            time.sleep(dice.uniform(0, 0.3))
            end_session(workers.process.pid, number=signal.SIGKILL, patience=0)  # type: ignore[union-attr]
            workers.stop()
            seen.append(on_their_way(factory, organisation_id))
            workers.start()
        assert seen[-1] > 0, "everybody was through before the last kill: the story proves nothing"
        assert settled(factory, organisation_id) == 0
        end_session(workers.process.pid, number=signal.SIGKILL, patience=0)  # type: ignore[union-attr]
        workers.stop()
        with unit_of_work(factory, system(organisation_id)) as session:
            prove(session, flow_id)
        engine.dispose()


def prove(session: Session, flow_id: UUID) -> None:
    """Everybody went every step as often as the flow says, got each text as often, and is at its end."""
    passed = (
        select(FlowLog.run_id, FlowLog.step, FlowLog.port, func.count().label("times"))
        .where(FlowLog.kind == "passed", FlowLog.step != "half")
        .group_by(FlowLog.run_id, FlowLog.step, FlowLog.port)
        .subquery()
    )
    times = select(passed.c.step, passed.c.port, passed.c.times, func.count()).group_by(
        passed.c.step, passed.c.port, passed.c.times
    )
    found = Counter({(step, port, number): people for step, port, number, people in session.execute(times)})
    drawn = {key: found.pop(key) for key in list(found) if key[0] == "draw"}
    assert found == {
        ("tag", "next", 1): PEOPLE, ("one", "next", 1): PEOPLE, ("two", "next", 2): PEOPLE, ("back", "next", 1): PEOPLE,
        ("back", "enough", 1): PEOPLE,
    }  # fmt: skip
    assert set(drawn) == {("draw", "a", 2), ("draw", "b", 2)}
    assert sum(drawn.values()) == PEOPLE
    texts = select(Message.contact_id, func.count().label("texts")).group_by(Message.contact_id).subquery()
    assert session.execute(select(texts.c.texts, func.count()).group_by(texts.c.texts)).all() == [(3, PEOPLE)]
    ends = session.execute(select(FlowRun.state, func.count()).group_by(FlowRun.state)).all()
    assert ends == [("finished", PEOPLE)]
    tagged = select(func.count()).where(Contact.tags.contains(["seen"]))
    assert session.execute(tagged).scalar_one() == PEOPLE
    assert results.unbalanced(session, session.get_one(Flow, flow_id)) == []
