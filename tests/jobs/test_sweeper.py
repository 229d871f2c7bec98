"""The sweeper's round: the trouble of one organisation is nobody else's."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.core import clock, nouns, queue
from app.core.db import make_engine, session_factory
from app.core.nouns import Noun
from app.core.queue import Job
from app.core.settings import Settings
from app.core.unit import actor_of, unit_of_work
from app.domain.access import users
from app.domain.audit import anchors
from app.domain.messages.models import Message, Send
from app.domain.messages.reconcile import RECONCILE
from app.domain.messages.sends import JOB
from app.domain.notices import post
from app.domain.notices.post import DELIVER_NOTICES
from app.domain.outbox.publish import RELAY_OUTBOX
from app.domain.reports.runs import RUN_REPORT
from jobs import sweeper
from jobs.runtime import Runtime
from tests.factories import people, sending

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

    monkeypatch.setitem(nouns._declared, "trouble", Noun("trouble", sweeps=(doubt,)))


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
        [(DELIVER_NOTICES, (str(one),))] for one in everybody if one != broken
    ], "each is rung for as soon as it was looked at"


def test_where_enough_waits_nobody_rings(here: Runtime, rung: Rung, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "quiet", lambda _url: set(queue.QUEUES) - {"reports"})
    assert sweeper.sweep(here) == 0
    assert not any(rung)


def test_a_queue_is_quiet_until_three_jobs_wait(here: Runtime) -> None:
    url = here.settings.redis_url
    queue.connection(url).flushdb()
    queue.enqueue_all(url, [(RUN_REPORT, ("1",)), (RUN_REPORT, ("2",))])
    assert "reports" in queue.quiet(url)
    queue.enqueue_all(url, [(RUN_REPORT, ("3",))])
    assert queue.quiet(url) == set(queue.QUEUES) - {"reports"}
    queue.connection(url).flushdb()


def test_every_step_of_a_round_is_done(here: Runtime, monkeypatch: pytest.MonkeyPatch, rung: Rung) -> None:
    """An intent nobody recorded becomes a doubt, what is out of date ends, what is drained is closed, the audit is anchored."""
    monkeypatch.setattr(queue, "quiet", lambda _url: set(queue.QUEUES))
    organisation_id = here.organisations()[0]
    with here.unit(organisation_id) as session:
        people.contacts(session, 2)
        sending.account(session)
        template = sending.sms_template(session, message_class="service")
        flying, late, due = (sending.send_to_everybody(session, template, uuid4()) for _ in range(3))
        dead = {"state": "sending", "rank": 30, "lease_token": uuid4(), "lease_until": clock.now() - timedelta(hours=1)}
        session.execute(update(Message).where(Message.send_id == flying.id).values(**dead))
        late.not_after = clock.now() - timedelta(seconds=1)
        session.info.pop("rings", None)
    sweeper.sweep(here)
    with here.unit(organisation_id) as session:
        found = session.execute(select(Message.send_id, Message.state).distinct()).all()
        assert {row.send_id: row.state for row in found} == {
            flying.id: "in_doubt",
            late.id: "expired",
            due.id: "queued",
        }
        drained = {send.id: send.state for send in session.execute(select(Send)).scalars()}
        assert drained == {flying.id: "drained", late.id: "drained", due.id: "running"}
    own = (str(organisation_id),)
    jobs = {job for rings in rung for job, ids in rings if ids == own}
    assert {JOB["sms"], RECONCILE, RELAY_OUTBOX, DELIVER_NOTICES} <= jobs
    assert organisation_id in anchors.organisations(here.settings)
