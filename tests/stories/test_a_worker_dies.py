"""Everything dies: workers are killed while they send, PostgreSQL is restarted and killed, Valkey forgets everything, the
carrier hangs, errs and lies. Lost 0, sent twice 0.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker

from app.core import queue
from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.messages import dispatch
from app.domain.messages.models import Message
from ops.launcher.kernel import end_session
from ops.launcher.processes import Child
from tests.factories import people, sending
from tests.servers import throwaway
from tests.servers.sandbox import Sandbox, running

MESSAGES = 4000
KILLS = {"ok": 12, "lies": 6}  # with a carrier that answers truly when it is asked, and with one that denies everything
RESTARTS = {4: False, 8: True}  # after which kill PostgreSQL goes down: in order, or by SIGKILL
WIPES = (2, 6)  # after which kill Valkey is emptied


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running(tmp_path) as one:
        yield one


class Workers:
    """Real worker processes, one group a start; killed without warning."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        command = [sys.executable, "-m", "jobs.worker", "messages.sms", "webhooks.inbound", "sweeper"]
        self.child = Child("workers", command, {**os.environ, **env}, log)

    def __enter__(self) -> Self:
        self.child.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """All of them at once, without a word."""
        end_session(self.child.process.pid, number=signal.SIGKILL, patience=0)  # type: ignore[union-attr]
        self.child.stop()


def make(factory: sessionmaker[Session], sandbox: Sandbox, **config: object) -> UUID:
    """An organisation with four thousand people, and a send to all of them."""
    with unit_of_work(factory, None) as session:
        organisation = users.create_organisation(session, users.NewOrganisation(name="Bank"))
        people.contacts(session, MESSAGES)
        sending.account(session, "sms", "carrier", base_url=sandbox.url, settle_seconds=1, read_seconds=2, **config)
        sending.send_to_everybody(session, sending.sms_template(session), uuid4())
    return organisation.id


def by_state(factory: sessionmaker[Session], organisation_id: UUID) -> dict[str, int]:
    with unit_of_work(factory, system(organisation_id)) as session:
        return dict(session.execute(select(Message.state, func.count()).group_by(Message.state)).all())


def rush_leases(factory: sessionmaker[Session], organisation_id: UUID) -> None:
    """Two minutes pass for leases that a killed worker left behind."""
    with unit_of_work(factory, system(organisation_id)) as session:
        session.execute(
            text(
                "UPDATE messages SET lease_until = clock_timestamp() - interval '1 second' WHERE lease_token IS NOT NULL"
            )
        )


def references(sandbox: Sandbox) -> Counter[str]:
    found = sandbox.received("sms", fields="reference", limit=200000)
    return Counter(item if isinstance(item, str) else item["reference"] for item in found["items"])


def doubts_allowed(lookup: str) -> float:
    """None where the carrier can be asked; else a window for every death, and what the carrier itself left open."""
    return 0 if lookup == "ok" else dispatch.AT_RISK * (KILLS[lookup] + len(RESTARTS)) + 0.03 * MESSAGES


@pytest.mark.parametrize("lookup", KILLS)
def test_lost_none_and_none_twice(sandbox: Sandbox, lookup: str) -> None:
    with throwaway.servers(durable=True) as servers:
        env = servers.env()
        settings = Settings.from_env(env)
        engine = make_engine(settings)
        factory = session_factory(engine, settings)
        organisation_id = make(factory, sandbox)
        sandbox.faults(delay_ms=150, error_rate=0.01, accept_then_hang_rate=0.002, lookup=lookup)
        dice = random.Random(7)
        with Workers(env, servers.place / "workers.log") as workers:
            for kill in range(KILLS[lookup]):
                time.sleep(dice.uniform(1.2, 3.0))
                if kill in WIPES:
                    queue.connection(settings.redis_url).flushall()
                    time.sleep(dice.uniform(0.2, 1.0))
                if kill in RESTARTS:
                    servers.restart_postgres(crash=RESTARTS[kill])
                    time.sleep(dice.uniform(0.2, 1.0))
                workers.kill()
                rush_leases(factory, organisation_id)
                workers.child.start()
            left = by_state(factory, organisation_id).get("queued")
            assert left, "all was sent before the last kill: the story proves nothing"
            sandbox.faults(lookup=lookup)
            states = settled_states(factory, organisation_id, lookup)
        engine.dispose()
    taken = references(sandbox)
    twice = {reference: n for reference, n in taken.items() if n > 1}
    assert twice == {}, f"{len(twice)} sent twice"
    assert states.get("queued", 0) + states.get("sending", 0) == 0, states
    sent, doubts = states.get("sent", 0) + states.get("delivered", 0), states.get("in_doubt", 0)
    assert sent + doubts == MESSAGES, states
    assert doubts <= doubts_allowed(lookup)
    assert len(taken) >= sent, "a message is said to be sent and the carrier never had it"
    if lookup == "ok":
        assert len(taken) == MESSAGES


def settled_states(factory: sessionmaker[Session], organisation_id: UUID, lookup: str) -> dict[str, int]:
    """The messages by state when nothing more will happen, or after two minutes."""
    deadline = time.monotonic() + 120
    while True:
        states = by_state(factory, organisation_id)
        waiting = states.get("queued", 0) + states.get("sending", 0)
        if not waiting and (lookup != "ok" or not states.get("in_doubt")):
            return states
        if time.monotonic() > deadline:
            return states
        time.sleep(0.5)
