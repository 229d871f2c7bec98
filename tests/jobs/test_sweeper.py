"""The sweeper's round: the trouble of one organisation is nobody else's."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.core import queue
from app.core.db import make_engine, session_factory
from app.core.queue import Job
from app.core.settings import Settings
from app.core.unit import actor_of, unit_of_work
from app.domain.access import users
from app.domain.messages import reconcile
from app.domain.notices import post
from jobs import sweeper
from jobs.runtime import Runtime

Rung = list[list[tuple[Job, tuple[str, ...]]]]


@pytest.fixture
def here(own_settings: Settings) -> Runtime:
    """A runtime with three organisations, each with a mail that waits; nobody has rung for it."""
    engine = make_engine(own_settings, pool_size=2)
    runtime = Runtime(own_settings, engine, session_factory(engine, own_settings))
    for name in ("One", "Two", "Three"):
        with unit_of_work(runtime.factory, None) as session:
            users.create_organisation(session, users.NewOrganisation(name=name))
            post.post(session, "dana@bank.example", "A report", "Here.", source=("report", uuid4()))
            session.info.pop("rings")
    return runtime


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> Rung:
    rounds: Rung = []
    monkeypatch.setattr(queue, "enqueue_all", lambda _url, rings: rounds.append(rings))
    return rounds


def break_for(broken: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    def doubt(session: Session) -> None:
        if actor_of(session).organisation_id == broken:
            session.execute(text("SELECT 1/0"))

    monkeypatch.setattr(reconcile, "doubt_abandoned", doubt)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_database_error_of_one_organisation_does_not_end_the_sweep(
    here: Runtime, rung: Rung, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    everybody = here.organisations()
    broken = everybody[place]
    break_for(broken, monkeypatch)
    monkeypatch.setattr(queue, "quiet", lambda _url: set(queue.QUEUES))
    assert sweeper.sweep(here) == 2
    assert [rings for rings in rung if rings] == [
        [(Job.DELIVER_NOTICES, (str(one),))] for one in everybody if one != broken
    ], "each is rung for as soon as it was looked at"


def test_where_enough_waits_nobody_rings(here: Runtime, rung: Rung, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "quiet", lambda _url: set(queue.QUEUES) - {"reports"})
    assert sweeper.sweep(here) == 0
    assert not any(rung)


def test_a_queue_is_quiet_until_three_jobs_wait(here: Runtime) -> None:
    url = here.settings.redis_url
    queue.connection(url).flushdb()
    queue.enqueue_all(url, [(Job.RUN_REPORT, ("1",)), (Job.RUN_REPORT, ("2",))])
    assert "reports" in queue.quiet(url)
    queue.enqueue_all(url, [(Job.RUN_REPORT, ("3",))])
    assert queue.quiet(url) == set(queue.QUEUES) - {"reports"}
    queue.connection(url).flushdb()
