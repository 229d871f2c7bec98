"""A worker dies: killed at random moments while it sends, with a carrier that hangs and lies. Lost 0, sent twice 0."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker

from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.messages.models import Message
from tests.factories import people, sending
from tests.servers.sandbox import Sandbox, running
from tests.servers.throwaway import Servers

ROOT = Path(__file__).parents[2]
MESSAGES = 1000
KILLS = 6


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running(tmp_path) as one:
        yield one


class Workers:
    """Real worker processes, one group a start; killed without warning."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = {**os.environ, **env}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "jobs.worker", "messages.sms", "webhooks.inbound", "sweeper"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, start_new_session=True, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


def make(factory: sessionmaker[Session], sandbox: Sandbox, **config: object) -> UUID:
    """An organisation with a thousand people, and a send to all of them."""
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
            text("UPDATE messages SET lease_until = clock_timestamp() - interval '1 second' WHERE lease_token IS NOT NULL")
        )


def references(sandbox: Sandbox) -> Counter[str]:
    found = sandbox.received("sms", fields="reference", limit=200000)
    return Counter(item if isinstance(item, str) else item["reference"] for item in found["items"])


@pytest.mark.parametrize("lookup", ["ok", "lies"])
def test_lost_none_and_none_twice(servers: Servers, sandbox: Sandbox, lookup: str) -> None:
    name = f"story_dies_{lookup}"
    servers.copy(name)
    env = servers.env(name, redis=9)
    settings = Settings.from_env(env)
    engine = make_engine(settings)
    factory = session_factory(engine, settings)
    organisation_id = make(factory, sandbox)
    sandbox.faults(delay_ms=15, error_rate=0.01, accept_then_hang_rate=0.005, lookup=lookup)
    workers, dice = Workers(env), random.Random(7)
    workers.start()
    for _ in range(KILLS):
        time.sleep(dice.uniform(1.2, 3.0))
        workers.kill()
        rush_leases(factory, organisation_id)
        workers.start()
    sandbox.faults(lookup=lookup)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        states = by_state(factory, organisation_id)
        open_ones = states.get("queued", 0) + states.get("sending", 0) + (states.get("in_doubt", 0) if lookup == "ok" else 0)
        if not open_ones:
            break
        time.sleep(0.5)
    workers.kill()
    engine.dispose()
    taken = references(sandbox)
    twice = {reference: n for reference, n in taken.items() if n > 1}
    assert twice == {}, f"{len(twice)} sent twice"
    assert states.get("queued", 0) + states.get("sending", 0) == 0, states
    settled = states.get("sent", 0) + states.get("delivered", 0)
    doubts = states.get("in_doubt", 0)
    assert settled + doubts == MESSAGES, states
    if lookup == "ok":
        assert doubts == 0
        assert len(taken) == MESSAGES, "a message is said to be sent and the carrier never had it"
    else:
        assert len(taken) >= settled
        assert doubts <= 50 * KILLS + 0.03 * MESSAGES
