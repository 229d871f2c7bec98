"""The supervisor as a real process: it answers bells, forks again what dies, and leaves nobody behind."""

import os
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.core import clock, queue
from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.approvals import decisions
from app.domain.approvals.models import Approval
from app.domain.campaigns import drafts
from app.domain.campaigns.drafts import CampaignInput
from app.domain.campaigns.models import Campaign
from app.domain.messages.sends import SendDrained
from app.domain.outbox.models import OutboxDelivery
from app.domain.outbox.publish import publish
from jobs import worker
from ops.launcher.kernel import look, members, wait_until
from ops.launcher.processes import Child
from tests.conftest import NUMBER
from tests.factories import people
from tests.servers.throwaway import Servers

SOON = 60  # seconds at most: a loaded machine takes its time
PARTS = ("outbox", "upkeep", "sweeper")


@pytest.fixture
def settings(servers: Servers) -> Settings:
    name = f"worker_{NUMBER}"
    servers.copy(name)
    made = Settings.from_env(servers.env(name, redis=NUMBER + 11))  # nobody else's bells
    queue.connection(made.redis_url).flushdb()
    return made


@pytest.fixture
def factory(settings: Settings) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(settings, pool_size=2)
    yield session_factory(engine, settings)
    engine.dispose()


@pytest.fixture
def workers(servers: Servers, settings: Settings, tmp_path: Path) -> Iterator[Child]:
    env = {**os.environ, **servers.env(f"worker_{NUMBER}", redis=NUMBER + 11)}
    child = Child("workers", [sys.executable, "-m", "jobs.worker", *PARTS], env, tmp_path / "workers.log")
    child.start()
    try:
        assert wait_until(lambda: set(PARTS) <= queue.listening(settings.redis_url), SOON), child.log.read_text()
        yield child
    finally:
        child.stop()


def bank(factory: sessionmaker[Session]) -> UUID:
    with unit_of_work(factory, None) as session:
        return users.create_organisation(session, users.NewOrganisation(name="Bank of the Workers")).id


def test_a_bell_is_answered_what_dies_is_forked_again_and_all_end_together(
    workers: Child, factory: sessionmaker[Session], settings: Settings
) -> None:
    organisation_id = bank(factory)
    assert workers.process is not None
    session_id = workers.process.pid
    assert workers.process.pid in members(session_id)
    assert len(members(session_id)) == 1 + len(PARTS)

    expire_by_bell(factory, settings, organisation_id)
    before = set(members(session_id))
    for pid in before - {session_id}:
        os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: len(set(members(session_id)) - before) == len(PARTS), SOON)
    expire_by_bell(factory, settings, organisation_id)

    left = members(session_id)
    workers.process.send_signal(signal.SIGTERM)
    assert workers.process.wait(SOON) == 0
    assert [pid for pid in left if look(pid)] == []


def expire_by_bell(factory: sessionmaker[Session], settings: Settings, organisation_id: UUID) -> None:
    """Ring for the upkeep and see that it was done."""
    with unit_of_work(factory, system(organisation_id)) as session:
        by = people.staff(session, "marketer", f"m{uuid4().hex[:6]}")
        with clock.at(clock.now() - timedelta(days=4)):
            request = decisions.submit(
                session, ("thing", uuid4()), "A thing", digest=b"", summary={}, editors=[], by=by
            ).id
    queue.enqueue_all(settings.redis_url, [(queue.UPKEEP, ())])

    def is_expired() -> bool:
        with unit_of_work(factory, system(organisation_id)) as session:
            return session.get_one(Approval, request).state == "expired"

    assert wait_until(is_expired, SOON)


def test_what_waits_in_rows_is_found_without_a_bell(workers: Child, factory: sessionmaker[Session]) -> None:
    """A campaign whose send is drained is completed by sweeper and outbox, though nobody rang."""
    organisation_id = bank(factory)
    with unit_of_work(factory, system(organisation_id)) as session:
        by = people.staff(session, "marketer")
        campaign = drafts.create(session, CampaignInput(name="Offer"), by=by)
        campaign.state = "running"
        session.flush()
        publish(session, SendDrained(subject=campaign.id, send=campaign.id, source_kind="campaign"))
        session.info.pop("rings", None)

    def is_told() -> bool:
        with unit_of_work(factory, system(organisation_id)) as session:
            ours = select(OutboxDelivery.done_at).where(OutboxDelivery.consumer == "campaigns.drained")
            return session.execute(ours).scalar_one() is not None

    assert wait_until(is_told, SOON), workers.log.read_text()
    with unit_of_work(factory, system(organisation_id)) as session:
        assert session.get_one(Campaign, campaign.id).state == "completed"


def test_a_queue_nobody_knows_is_named() -> None:
    with pytest.raises(SystemExit, match="no queue or process called parcels"):
        worker.parts(["outbox", "parcels"])
    assert set(worker.parts([])) >= {*queue.QUEUES, "sweeper"}
    assert set(worker.parts(["outbox"])) == {"outbox"}


def test_a_bad_setting_ends_the_start_with_its_name(tmp_path: Path) -> None:
    child = Child("workers", [sys.executable, "-m", "jobs.worker"], {"PATH": os.environ["PATH"]}, tmp_path / "log")
    child.start()
    assert wait_until(lambda: not child.running, SOON)
    assert "DATABASE_URL" in child.log.read_text()
    child.stop()
