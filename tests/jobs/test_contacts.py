"""The door of the contacts: names that an import left are read by the bell that rings at its end."""

from collections.abc import Iterator

import pytest

from app.core import queue
from app.core.db import make_engine, session_factory
from app.core.queue import Job
from app.core.settings import Settings
from app.domain.contacts import unread
from jobs import contacts, sweeper
from jobs.lanes import lanes
from jobs.runtime import Runtime
from tests.domain.transfer.loads import Bank, bank


@pytest.fixture
def ours(own_settings: Settings) -> Iterator[Bank]:
    with bank(own_settings) as made:
        yield made


@pytest.fixture
def here(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    engine = make_engine(own_settings, pool_size=4)
    made = Runtime(own_settings, engine, session_factory(engine, own_settings))
    monkeypatch.setattr(contacts, "runtime", lambda: made)
    yield made
    engine.dispose()


def test_the_names_of_an_import_are_read_by_the_bell_at_its_end(
    ours: Bank, here: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[Job, tuple[str, ...]]] = []
    monkeypatch.setattr(queue, "enqueue_all", lambda _url, rings: rung.extend(rings))
    monkeypatch.setattr(queue, "quiet", lambda _url: set(queue.QUEUES))
    ours.load("client_id,first_name\n1,Noa\n2,Dana\n")
    bell = unread.READ_NAMES, (str(ours.by.organisation_id),)
    assert bell in rung
    rung.clear()
    sweeper.sweep(here)
    assert bell in rung, "a lost ring is repeated"
    contacts.read_names(*bell[1])
    lanes.wait(60)
    assert ours.one("SELECT count(*) FROM live.contact_names") == 2
    rung.clear()
    sweeper.sweep(here)
    assert bell not in rung
