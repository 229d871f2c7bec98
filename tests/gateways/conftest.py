"""A sandbox for all tests of this folder, well-behaved and empty before each, and a listener for its receipts."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.servers.sandbox import Sandbox, running


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    sandbox_process.call("DELETE", "/received")
    sandbox_process.faults(receipt_ms=20)
    return sandbox_process


@dataclass
class Listener:
    """Keeps the webhooks that come: headers and body. Refuses the first `refusals`."""

    url: str = ""
    refusals: int = 0
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def listener() -> Iterator[Listener]:
    kept = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            refused = kept.refusals > 0
            kept.refusals -= refused
            if not refused:
                kept.came.append((dict(self.headers), body))
            self.send_response(503 if refused else 204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}/inbound/carrier/1/receipts"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()
