"""The bank's site that the sandbox plays: what its server tells, and what its pages are given."""

import json
import re
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.servers.sandbox import Sandbox, running

KEY = "ck_abcdefgh_secret"


class Carillon(BaseHTTPRequestHandler):
    """Takes what it is told."""

    told: ClassVar[list[tuple[str, str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.told.append((self.path, self.headers["Authorization"], body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def carillon() -> Iterator[str]:
    Carillon.told.clear()
    with HTTPServer(("127.0.0.1", 0), Carillon) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Visitor:
    """A browser of the site."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def __call__(self, path: str, **form: str) -> str:
        data = urllib.parse.urlencode(form).encode() if form else None
        with self.browser.open(self.url + path, data=data, timeout=10) as answer:
            return str(answer.read().decode())


def test_the_server_tells_who_it_was_and_the_pages_get_a_token(tmp_path: Path, carillon: str) -> None:
    with running(tmp_path) as sandbox:
        visitor = Visitor(sandbox)
        assert "Carillon is not connected" in visitor("/site")
        known = {"carillon": carillon, "public_key": "pk_x_y", "secret_key": KEY}
        (tmp_path / "site.json").write_text(json.dumps(known))
        first = visitor("/site")
        assert f'src="{carillon}/js/carillon.js" data-key="pk_x_y"' in first
        assert "data-token" not in first
        assert "Nobody is signed in" in visitor("/site/application", amount="100000")
        assert Carillon.told == []
        inside = visitor("/site/login", customer="17")
        assert "Carillon was told of it" in inside
        assert re.search(r'data-token="abcdefgh\.[\w-]+\.[0-9a-f]{64}"', inside)
        assert "secret" not in inside
        visitor("/site/application", amount="250000")
    assert [(path, key, one["event"], one["contact"], one["properties"]) for path, key, one in Carillon.told] == [
        ("/api/v1/track", f"Bearer {KEY}", "login", {"external_id": "17"}, {"device": "web"}),
        ("/api/v1/track", f"Bearer {KEY}", "application_sent", {"external_id": "17"}, {"amount": 250000}),
    ]
