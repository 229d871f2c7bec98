"""A destination is called to try it: over real connections, signed, about nobody; what is wrong is said in a sentence."""

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import clock
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden
from app.domain.access.models import Organisation
from app.domain.audit.models import AuditEntry
from app.domain.flows import trying
from app.domain.flows.calls import KEY, SIGNATURE
from app.domain.flows.models import FlowDestination
from app.gateways.http import Http
from app.gateways.signature import verify
from tests.domain.flows.test_calls import SECRET, destination
from tests.factories import people

__all__ = ["destination"]
OPEN = partial(Http, allow_private=True)


class System(BaseHTTPRequestHandler):
    """Answers by the path it is called at."""

    heard: list[tuple[bytes, dict[str, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((body, dict(self.headers.items())))
        if self.path == "/slow":
            time.sleep(1)
        self.send_response({"/away": 302, "/refuses": 500}.get(self.path, 200))
        if self.path == "/away":
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
        self.end_headers()
        self.wfile.write(b"x" * 600)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    one = ThreadingHTTPServer(("127.0.0.1", 0), System)
    threading.Thread(target=one.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{one.server_port}"
    one.shutdown()


@pytest.fixture
def maya(session: Session, organisation: Organisation) -> Actor:
    return people.staff(session, "marketer")


def tried(session: Session, one: FlowDestination, url: str, by: Actor, open_http: partial[Http] = OPEN) -> trying.Tried:
    one.url = url
    session.flush()
    return trying.call(session, one.id, open_http, by=by)


def test_an_example_about_nobody_is_sent_as_flows_send(
    session: Session, destination: FlowDestination, server: str, maya: Actor
) -> None:
    found = tried(session, destination, f"{server}/in", maya)
    assert (found.is_taken, found.status, found.answer) == (True, 200, "x" * trying.SHOWN)
    body, headers = System.heard[-1]
    said = json.loads(body)
    assert said == found.sent
    assert (said["test"], said["contact"]["external_id"], said["event"]) == (True, "0000000", {"amount": "example"})
    assert set(said["contact"]) == {"external_id", "properties.tier"}
    assert headers[KEY] == said["id"]
    assert verify(SECRET, headers[SIGNATURE], body, clock.now())
    session.commit()
    entry = select(AuditEntry.after).where(AuditEntry.action == "destination.tested")
    assert session.execute(entry).scalar_one()["status"] == 200


@pytest.mark.parametrize(
    ("path", "said", "status"),
    [("/away", "leads elsewhere", 302), ("/refuses", "It answers", 500), ("/slow", "did not answer within", None)],
)
def test_what_is_wrong_is_said_in_a_sentence(
    session: Session, destination: FlowDestination, server: str, maya: Actor, path: str, said: str, status: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if path == "/slow":
        monkeypatch.setattr(trying, "SECONDS", 0.3)
    heard = len(System.heard)
    found = tried(session, destination, server + path, maya)
    assert found.problem
    assert (said in found.problem.message, found.status, found.is_taken) == (True, status, False)
    assert found.milliseconds < 900
    assert len(System.heard) == heard + 1  # and nobody followed


def test_nobody_answers(session: Session, destination: FlowDestination, maya: Actor) -> None:
    found = tried(session, destination, "http://127.0.0.1:9/in", maya)
    assert found.problem
    assert found.problem.message.startswith("No connection to")


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/in", "https://[::1]/in", "http://crm.example/in", "https://localhost/in"]
)
def test_a_private_address_is_not_called(session: Session, destination: FlowDestination, maya: Actor, url: str) -> None:
    found = tried(session, destination, url, maya, partial(Http))
    assert found.problem
    assert "private network, or is not https" in found.problem.message


def test_only_what_was_approved_is_called(
    session: Session, destination: FlowDestination, server: str, maya: Actor
) -> None:
    with pytest.raises(Forbidden):
        tried(session, destination, server, people.staff(session, "viewer"))
    destination.approved_at = None
    with pytest.raises(Conflict):
        tried(session, destination, server, maya)
