"""The doors of the flows: whoever is due walks on, and another system is really called."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.core import clock, queue
from app.core.db import make_engine, session_factory
from app.core.settings import Settings
from app.core.unit import unit_of_work
from app.domain.access import users
from app.domain.access.keyring import vault_of
from app.domain.flows.models import FlowDestination
from jobs import flows
from jobs.lanes import lanes
from jobs.runtime import Runtime
from tests.factories import people
from tests.factories.flows import enter, flow, places, run_of, step


@pytest.fixture
def here(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    engine = make_engine(own_settings, pool_size=4)
    made = Runtime(own_settings, engine, session_factory(engine, own_settings))
    monkeypatch.setattr(flows, "runtime", lambda: made)
    monkeypatch.setattr(queue, "enqueue_all", lambda _url, _rings: None)
    yield made
    engine.dispose()


@pytest.fixture
def crm() -> Iterator[tuple[str, list[bytes]]]:
    """Another system over HTTP: its address, and what it was told."""
    told: list[bytes] = []

    class Crm(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Crm)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/in", told
    server.shutdown()


def test_people_walk_and_another_system_is_called_by_the_doors(here: Runtime, crm: tuple[str, list[bytes]]) -> None:
    url, told = crm
    with unit_of_work(here.factory, None) as session:
        organisation = users.create_organisation(session, users.NewOrganisation(name="One")).id
        [one] = people.contacts(session, 1)
        system_of = FlowDestination(
            organisation_id=organisation, name="CRM", url=url, secret=b"", created_by=organisation, fields=["external_id"],
            created_at=clock.now(), approved_at=clock.now(),
        )  # fmt: skip
        session.add(system_of)
        session.flush()
        system_of.secret = vault_of(session).seal(b"s3cret", f"flow_destinations|secret|{system_of.id}")
        lane = step("crm", "webhook", destination_id=str(system_of.id)), step("wait", "wait", days=9)
        made = flow(session, *lane)
        enter(session, made, [one])
    for door in (flows.execute, flows.call, flows.execute):
        door(str(organisation))
        lanes.wait(60)
    assert [b'"external_id":"0"' in body.replace(b" ", b"") for body in told] == [True]
    with here.unit(organisation) as session:
        assert places(session, made) == {"wait": 1}
        assert run_of(session, one).attempts == 0
