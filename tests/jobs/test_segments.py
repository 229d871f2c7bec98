"""The doors of the segments: whoever changed is looked at again, what is due is gone through, by the bells that rang for it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from app.core import queue
from app.core.actor import system
from app.core.db import make_engine, session_factory
from app.core.queue import Job
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.outbox.publish import RELAY_OUTBOX
from app.domain.segments import freshness
from app.domain.segments.models import SegmentMember
from jobs import outbox, segments, sweeper
from jobs.lanes import lanes
from jobs.runtime import Runtime
from tests.domain.segments.kept import HAIFA, becomes, made
from tests.factories import people


@pytest.fixture
def here(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    engine = make_engine(own_settings, pool_size=4)
    made = Runtime(own_settings, engine, session_factory(engine, own_settings))
    for door in (outbox, segments):
        monkeypatch.setattr(door, "runtime", lambda: made)
    yield made
    engine.dispose()


def test_a_change_of_a_contact_reaches_its_segments_by_the_bells(
    here: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[Job, tuple[str, ...]]] = []
    monkeypatch.setattr(queue, "enqueue_all", lambda _url, rings: rung.extend(rings))
    monkeypatch.setattr(queue, "quiet", lambda _url: set(queue.QUEUES))
    with unit_of_work(here.factory, None) as session:
        organisation_id = users.create_organisation(session, users.NewOrganisation(name="One")).id
        by = system(organisation_id)
        one, other = people.contacts(session, 2, city="Haifa")
        made(session, by, "Haifa", HAIFA)
    own = (str(organisation_id),)

    def inside() -> set[object]:
        with here.unit(organisation_id) as session:
            return set(session.execute(select(SegmentMember.contact_id)).scalars())

    assert (freshness.RECOUNT, own) in rung
    segments.recount(*own)
    lanes.wait(60)
    assert inside() == {one, other}
    rung.clear()
    with here.unit(organisation_id) as session:
        becomes(session, by, one, city="Eilat")
    assert rung == [(RELAY_OUTBOX, own)]
    outbox.relay(*own)
    assert rung[1:] == [(freshness.REFRESH, own)]
    rung.clear()
    sweeper.sweep(here)
    assert (freshness.REFRESH, own) in rung, "a lost ring is repeated"
    segments.refresh(*own)
    lanes.wait(60)
    assert inside() == {other}
    rung.clear()
    sweeper.sweep(here)
    assert not {job for job, _ in rung} & {freshness.REFRESH, freshness.RECOUNT}
