"""The worst ten things a stranger or a bad insider can send, as real requests against a started house."""

import contextlib
import http.client
import re
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psutil
import pyotp
import pytest

from tests.servers.house import House, whole
from tests.servers.throwaway import Servers

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


PROMPT = 8  # seconds: a loaded machine may take one or two, whoever waits for the attack to end takes ten and more


@pytest.fixture(scope="module")
def house(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with whole(servers, "attacked", tmp_path_factory.mktemp("attacked")) as house:
        yield house


@contextlib.contextmanager
def line(house: House, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A connection from one of the loopback's addresses."""
    host, _, port = urlsplit(house.base_url).netloc.partition(":")
    with socket.create_connection((host, int(port)), 10, (source, 0)) as made:
        yield made


def quick(house: House, path: str) -> float:
    """How long a page takes, in seconds; it must be well."""
    began = time.monotonic()
    with urllib.request.urlopen(house.base_url + path, timeout=10) as answer:
        assert answer.status == 200
        answer.read()
    return time.monotonic() - began


def head(house: House, path: str, *headers: str) -> bytes:
    """The beginning of a POST."""
    lines = [f"POST {path} HTTP/1.1", f"Host: {urlsplit(house.base_url).netloc}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def flooded(house: House, start: bytes, piece: bytes, times: int) -> int:
    """Send as much of it as the house takes; the status of its answer, or 0 if it hung up first."""
    with line(house) as made:
        with contextlib.suppress(OSError):
            made.sendall(start)
            for _ in range(times):
                made.sendall(piece)
        with contextlib.suppress(OSError):
            return int([*made.recv(200).split(), b"0", b"0"][1])
    return 0


def memory(house: House) -> int:
    """What the web's processes hold, in megabytes."""
    port = urlsplit(house.base_url).port
    web = [
        one
        for one in psutil.process_iter(["cmdline"])
        if "asgi:app" in (one.info["cmdline"] or ()) and str(port) in one.info["cmdline"]
    ]
    return sum(one.memory_info().rss for process in web for one in (process, *process.children())) // 2**20


class Browser:
    """A stranger's browser: keeps cookies, comes from an address of its choice."""

    def __init__(self, house: House, source: str, cookies: dict[str, str] | None = None) -> None:
        self.house, self.source, self.cookies = house, source, cookies or {}

    def ask(self, method: str, path: str, values: dict[str, str] | None = None, **headers: str) -> tuple[int, str, str]:
        """Status, body and where it leads."""
        sent = FORM | {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        made = http.client.HTTPConnection(
            urlsplit(self.house.base_url).netloc, timeout=20, source_address=(self.source, 0)
        )
        made.request(method, path, urllib.parse.urlencode(values) if values else None, sent)
        answer = made.getresponse()
        body = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        made.close()
        return answer.status, body, answer.headers.get("Location", "")

    def sign_in(self, email: str, password: str, **headers: str) -> tuple[int, str, str]:
        """The first step."""
        token = _TOKEN.search(self.ask("GET", "/login")[1])
        assert token
        return self.ask("POST", "/login", {"csrf_token": token[1], "email": email, "password": password}, **headers)

    def show_code(self, secret: str) -> int:
        """The second step."""
        token = _TOKEN.search(self.ask("GET", "/login/code")[1])
        assert token
        return self.ask("POST", "/login/code", {"csrf_token": token[1], "code": pyotp.TOTP(secret).now()})[0]


def test_slow_posts_stop_nobody(house: House) -> None:
    quick(house, "/login")
    slow = head(house, "/login", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 1000") + b"email="
    for sources in (["127.0.0.1"], [f"127.0.0.{n}" for n in range(2, 12)]):
        with contextlib.ExitStack() as stack:
            for number in range(40):
                stack.enter_context(line(house, sources[number % len(sources)])).sendall(slow)
            time.sleep(0.3)
            assert max(quick(house, "/healthz"), quick(house, "/login")) < PROMPT


def test_brackets_take_no_memory(house: House) -> None:
    before, key = memory(house), house.access["marketer"]["secret_key"]
    start = head(
        house,
        "/api/v1/contacts",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    )
    piece = b"[" * 100_000
    assert flooded(house, start, b"%x\r\n%s\r\n" % (len(piece), piece), 600) in (413, 0)
    for body in (b"[" * 500_000 + b"]" * 500_000, b'{"definition": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"):
        assert house.call("marketer", "POST", "/segments/count", body)[0] in (400, 413)
    assert memory(house) - before < 100
    assert quick(house, "/healthz") < PROMPT


def test_a_huge_sign_in_is_not_read(house: House) -> None:
    before = memory(house)
    start = head(house, "/login", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 120000000")
    assert flooded(house, start, b"email=" + b"a" * 100_000, 1200) in (413, 0)
    endless = head(house, "/imports/new", "Content-Type: multipart/form-data; boundary=x", "Transfer-Encoding: chunked")
    assert flooded(house, endless, b"186a0\r\n" + b"a" * 100_000 + b"\r\n", 1200) in (302, 0)
    assert memory(house) - before < 50


def test_guesses_over_networks_end_and_lock_no_known_device(house: House) -> None:
    who = house.access["operator"]
    known = Browser(house, "127.0.0.9")
    assert known.sign_in(who["email"], who["password"])[2].startswith("/login/code")
    assert known.show_code(who["totp_secret"]) == 303
    for number in range(50):
        assert Browser(house, f"127.1.{number}.1").sign_in(who["email"], "a wrong password")[0] == 422
    assert Browser(house, "127.2.0.1").sign_in(who["email"], who["password"])[0] == 422, "a network nobody guessed from"
    device = {"device": known.cookies["device"]}
    assert Browser(house, "127.1.3.1", device).sign_in(who["email"], who["password"])[0] == 303


def test_a_made_up_proxy_hides_nobody(house: House) -> None:
    who, stranger = house.access["viewer"], Browser(house, "127.3.0.1")
    for number in range(5):
        stranger.sign_in(who["email"], "a wrong password", X_Forwarded_For=f"203.0.{number}.1")
    assert stranger.sign_in(who["email"], who["password"], X_Forwarded_For="198.51.100.1")[0] == 422


def test_known_unknown_and_locked_look_alike(house: House) -> None:
    def said(email: str) -> str:
        page = Browser(house, "127.4.0.1").sign_in(email, "a wrong password")[1]
        return re.sub(r'value="[^"]*"|[\w.-]{40,}|[0-9a-f]{16}', "", page)  # tokens and numbers are new on each

    pages = {said(house.access["auditor"]["email"]) for _ in range(7)} | {said("nobody@bank.example")}
    assert len(pages) == 1


def test_a_text_that_burns_seconds_is_refused_in_one(house: House) -> None:
    bomb = "{% for a in (1..9999) %}{% for b in (1..9999) %}{{ 'x' | upcase | append: 'y' }}{% endfor %}{% endfor %}"
    text: dict[str, Any] = {
        "name": "bomb", "channel": "sms", "message_class": "service", "fallback_language": "en", "texts": {"en": {"body": bomb}},
    }  # fmt: skip
    began = time.monotonic()
    status, answer = house.call("marketer", "POST", "/templates", text)
    if status == 201:
        status, answer = house.call("marketer", "POST", f"/templates/{answer['data']['id']}/preview", {})
        assert "error" in answer or answer["data"].get("error") or status == 422
    assert time.monotonic() - began < PROMPT
    assert quick(house, "/login") < PROMPT


def test_a_form_of_another_site_is_refused(house: House) -> None:
    stranger = Browser(house, "127.5.0.1")
    who = house.access["auditor"]
    assert stranger.sign_in(who["email"], who["password"], Sec_Fetch_Site="cross-site")[0] == 403


def test_nobody_approves_his_own_or_unread(house: House) -> None:
    made = house.call("marketer", "POST", "/campaigns", {"name": "Unread"})[1]["data"]
    assert house.call("marketer", "POST", f"/campaigns/{made['id']}/approve", {"approval_id": made["id"]})[0] == 403
    assert house.call("admin", "POST", f"/campaigns/{made['id']}/approve", {"note": "blind"})[0] == 422


def test_a_list_of_everything_is_not_got_by_a_mistyped_filter(house: House) -> None:
    assert house.call("marketer", "GET", "/contacts?emial=dana@mail.example")[0] == 400
