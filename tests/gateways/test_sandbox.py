"""The sandbox keeps what it accepted, whatever happens to it, and shows it."""

import re
import signal
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from app.gateways.channels.base import Outgoing
from ops.launcher.kernel import look
from ops.launcher.processes import Child
from sandbox import mailbox
from tests.gateways.test_channels import CARRIER, SMTP_RELAY, letter, sent
from tests.servers import sandbox as servers
from tests.servers.sandbox import Sandbox, running, started


def test_nothing_accepted_is_lost_when_it_is_killed(tmp_path: Path) -> None:
    with started(tmp_path) as (sandbox, child):
        sent(CARRIER.open(sandbox), CARRIER.messages(50))
        sent(SMTP_RELAY.open(sandbox), SMTP_RELAY.messages(20))
        assert child.process is not None
        child.process.kill()
        child.process.wait()
    with running(tmp_path) as again:
        assert again.received("sms")["total"] == 50
        item = again.received("email", full=1, limit=1)["items"][0]
        assert item["subject"] == "שלום"
        assert item["text"].splitlines()[1] == ".a line that begins with a dot"
        assert "X-Callback-URL" not in item["headers"]
        sent(CARRIER.open(again), CARRIER.messages(1, prefix="new"))
        ids = [entry["id"] for entry in again.received("sms", limit=100)["items"]]
        assert len(set(ids)) == 51


def test_lists_take_since_limit_to_and_fields(sandbox: Sandbox) -> None:
    sent(CARRIER.open(sandbox), CARRIER.messages(3))
    newest = sandbox.received("sms", limit=1)
    assert newest["total"] == 3
    assert sandbox.received("sms", since=newest["items"][0]["received_at"])["total"] >= 1
    assert sandbox.received("sms", since="2999-01-01T00:00:00Z")["total"] == 0
    assert sandbox.received("sms", to="2000002")["total"] == 1
    assert sandbox.received("sms", fields="reference")["items"][0].keys() == {"reference"}
    sent(CARRIER.open(sandbox), CARRIER.messages(3))
    again = sandbox.received("sms")
    assert (again["total"], again["distinct"]) == (6, 3)


@pytest.mark.parametrize("orders", [{"delay": 1}, {"error_rate": 2}, {"receipts": "eaten"}, {"status": {"*": "eaten"}}])
def test_an_order_it_does_not_know_is_refused(orders: dict[str, object], sandbox: Sandbox) -> None:
    with pytest.raises(urllib.error.HTTPError, match="422"):
        sandbox.faults(**orders)


def test_the_mailbox_shows_what_came_and_runs_none_of_it(sandbox: Sandbox) -> None:
    sent(CARRIER.open(sandbox), [Outgoing("s", "+972522000001", "<b>Bank", "see https://bank.example/x <script>")])
    sent(SMTP_RELAY.open(sandbox), [Outgoing("e", "a@mail.example", "b@bank.example", mime=letter("<script>alert(1)"))])
    page = read(sandbox, "/")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    sms = sandbox.received("sms")["items"][0]["id"]
    assert f'<a href="/sms/{sms}/follow?to=https%3A%2F%2Fbank.example%2Fx"' in read(sandbox, f"/sms/{sms}")
    email = sandbox.received("email")["items"][0]["id"]
    assert "a line that begins with a dot" in read(sandbox, f"/email/{email}")
    with urllib.request.urlopen(f"{sandbox.url}/email/{email}/html", timeout=10) as frame:
        assert "sandbox" in frame.headers["Content-Security-Policy"]


class Tracker(BaseHTTPRequestHandler):
    """A link that is counted and leads on; it remembers who came."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.headers["User-Agent"])
        self.send_response(302)
        self.send_header("Location", "https://www.bank.example/deposit?year=1&kind=a")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def test_a_link_of_a_message_leads_to_a_page_of_the_bank(sandbox: Sandbox) -> None:
    server = HTTPServer(("127.0.0.1", 0), Tracker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    link = f"http://127.0.0.1:{server.server_port}/c/token"
    html = f'<html><body><a class="x" href="{link}?a=1&amp;b=2">See the offer</a></body></html>'
    mime = f"Subject: s\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n".encode()
    sent(CARRIER.open(sandbox), [Outgoing("s", "+972522000001", "BANK", f"see {link} or bank.example/p")])
    sent(SMTP_RELAY.open(sandbox), [Outgoing("e", "a@mail.example", "b@bank.example", mime=mime)])
    sms, email = (sandbox.received(kind)["items"][0]["id"] for kind in ("sms", "email"))
    tracked, bare = re.findall(r'href="(/sms/[^"]+)"', read(sandbox, f"/sms/{sms}").replace("&amp;", "&"))
    assert "https://www.bank.example/deposit?year=1&amp;kind=a" in read(sandbox, tracked, "Mozilla/5.0 (a person)")
    assert Tracker.seen == ["Mozilla/5.0 (a person)"]
    assert 'dir="ltr">https://bank.example/p<' in read(sandbox, bare)
    followed = re.findall(r'href="(/email/[^"]+)"', read(sandbox, f"/email/{email}/html"))
    page = read(sandbox, followed[0], language="he-IL,he;q=0.9,en;q=0.8")
    assert 'dir="rtl"' in page
    assert "לכאן מוביל הקישור" in page
    assert 'dir="ltr"' in read(sandbox, followed[0], language="de,en-GB;q=0.9,he;q=0.1")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        read(sandbox, f"/sms/{sms}/follow?to=http%3A%2F%2F127.0.0.1%3A1%2Felsewhere")
    server.shutdown()


def read(sandbox: Sandbox, path: str, agent: str = "test", *, language: str = "en") -> str:
    request = urllib.request.Request(sandbox.url + path, headers={"User-Agent": agent, "Accept-Language": language})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def test_the_mailbox_shows_the_banks_own_time() -> None:
    item = SimpleNamespace(received=datetime(2026, 7, 1, 9, 0, tzinfo=UTC).timestamp())
    assert mailbox.clock(item) == "01 Jul 12:00:00"  # type: ignore[arg-type]


def test_a_sandbox_that_does_not_listen_is_ended_all_the_same(tmp_path: Path) -> None:
    with started(tmp_path) as (_, child):
        assert child.process is not None
        number, child.patience = child.process.pid, 0.2
        child.process.send_signal(signal.SIGSTOP)
    assert look(number) is None


def test_a_sandbox_that_never_answers_is_ended_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids: list[int] = []

    def silent(_sandbox: Sandbox, child: Child) -> bool:
        assert child.process is not None
        pids.append(child.process.pid)
        return False

    monkeypatch.setattr(servers, "SOON", 0.2)
    monkeypatch.setattr(servers, "_answers", silent)
    with pytest.raises(AssertionError, match="does not answer"), running(tmp_path):
        pass
    assert look(pids[0]) is None
