"""What is certain when an SMTP conversation ends at each of its points, with servers that end it there."""

import asyncio
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.gateways.channels.base import Accepted, Category, InDoubt, Outcome, Outgoing, Rejected, Unavailable
from app.gateways.channels.guard import Guard
from app.gateways.channels.registry import open_channel
from app.gateways.smtp.wire import dotted

HELLO = {"EHLO": "250-here\r\n250 PIPELINING"}
PLAIN = {"EHLO": "250 here"}
GOOD = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", ".": "250 2.0.0 Ok: queued as AB12", "RSET": "250 ok"}
CLOSE = ""


@contextmanager
def server(script: dict[str, str], greeting: str = "220 here") -> Iterator[tuple[int, list[str]]]:
    """A server that answers each verb by the script and closes the line where the script has nothing."""
    heard: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(f"{greeting}\r\n".encode())
            in_data = False
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                if in_data and line != ".":
                    continue
                verb = line if in_data else line[:4].upper().strip()
                heard.append(verb)
                answer = script.get(verb, CLOSE)
                if not answer:
                    return
                self.wfile.write(f"{answer}\r\n".encode())
                in_data = verb == "DATA" and answer.startswith("354")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_address[1], heard
        listening.shutdown()


def send(port: int, *, count: int = 1, to: str = "a@mail.example", **config: object) -> list[Outcome]:
    async def sending() -> list[Outcome]:
        settings = {"host": "127.0.0.1", "port": port, "security": "none", "connections": 1, "answer_seconds": 1}
        channel = open_channel("smtp", settings | config, "word", guard=Guard.everybody(), allow_private=True)
        async with channel:
            batch = [Outgoing(f"r{n}", to, "bank@bank.example", mime=b"Subject: x\r\n\r\nhi\r\n") for n in range(count)]
            return [outcome async for outcome in channel.send(batch)]

    return asyncio.run(sending())


CASES: list[tuple[str, dict[str, str], Callable[[Outcome], bool]]] = [
    ("closed at MAIL", {"MAIL": CLOSE}, lambda o: isinstance(o, Unavailable)),
    ("closed at DATA", {"DATA": CLOSE}, lambda o: isinstance(o, Unavailable)),
    ("closed after the dot", {".": CLOSE}, lambda o: isinstance(o, InDoubt)),
    ("4xx at RCPT", {"RCPT": "450 4.2.1 later"}, lambda o: isinstance(o, Unavailable) and o.retry_after == 300),
    ("4xx after the dot", {".": "451 4.3.0 later"}, lambda o: isinstance(o, Unavailable)),
    ("421 at MAIL", {"MAIL": "421 4.3.2 closing"}, lambda o: isinstance(o, Unavailable)),
    (
        "no such mailbox",
        {"RCPT": "550 5.1.1 no"},
        lambda o: isinstance(o, Rejected) and o.category is Category.INVALID_NUMBER,
    ),
    ("filtered", {".": "550 5.7.1 spam"}, lambda o: isinstance(o, Rejected) and o.category is Category.FILTERED),
    ("full", {"RCPT": "552 5.2.2 full"}, lambda o: isinstance(o, Rejected) and o.category is Category.QUOTA_EXCEEDED),
    ("sender refused", {"MAIL": "550 5.7.0 not you"}, lambda o: isinstance(o, Unavailable) and o.whole_account),
    ("not SMTP", {"MAIL": "hello there"}, lambda o: isinstance(o, Unavailable)),
    ("not SMTP after the dot", {".": "hello there"}, lambda o: isinstance(o, InDoubt)),
    ("all well", {}, lambda o: isinstance(o, Accepted) and o.provider_id == "AB12"),
]


@pytest.mark.parametrize("hello", [HELLO, PLAIN], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(("change", "holds"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_certain(hello: dict[str, str], change: dict[str, str], holds: Callable[[Outcome], bool]) -> None:
    with server(hello | GOOD | change) as (port, _):
        (outcome,) = send(port)
    assert holds(outcome), repr(outcome)


def test_data_taken_without_a_recipient_is_ended_empty() -> None:
    with server(HELLO | GOOD | {"RCPT": "550 5.1.1 no", ".": "554 5.5.1 nobody"}) as (port, heard):
        (outcome,) = send(port)
    assert isinstance(outcome, Rejected)
    assert heard.count(".") == 1


def test_the_connection_is_kept() -> None:
    with server(HELLO | GOOD) as (port, heard):
        assert all(isinstance(outcome, Accepted) for outcome in send(port, count=5))
    assert heard.count("EHLO") == 1
    assert heard.count(".") == 5


def test_a_refusal_leaves_the_connection_usable() -> None:
    with server(HELLO | GOOD | {"RCPT": "550 5.1.1 no", "DATA": "554 nobody"}) as (port, heard):
        assert all(isinstance(outcome, Rejected) for outcome in send(port, count=3))
    assert heard.count("EHLO") == 1


@pytest.mark.parametrize(
    "script",
    [
        HELLO | GOOD,
        HELLO | GOOD | {"STAR": "454 no"},
        {"EHLO": "250-here\r\n250 STARTTLS", "STAR": "220 go\r\n250 injected"},
    ],
    ids=["not offered", "refused", "sent ahead"],
)
def test_encryption_that_was_asked_for_is_never_left_out(script: dict[str, str]) -> None:
    with server(script) as (port, heard):
        (outcome,) = send(port, security="starttls")
    assert isinstance(outcome, Unavailable)
    assert "MAIL" not in heard


def test_a_wrong_password_concerns_the_whole_account() -> None:
    with server({"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "535 5.7.8 no"}) as (port, heard):
        (outcome,) = send(port, username="bank")
    assert isinstance(outcome, Unavailable)
    assert outcome.whole_account
    assert "MAIL" not in heard


def test_a_password_never_goes_over_the_open_network_in_clear() -> None:
    async def sending() -> list[Outcome]:
        config = {"host": "1.1.1.1", "security": "none", "username": "bank"}
        async with open_channel("smtp", config, "word", guard=Guard.everybody()) as channel:
            return [outcome async for outcome in channel.send([Outgoing("r", "a@b.example", "c@d.example", mime=b"x")])]

    (outcome,) = asyncio.run(sending())
    assert isinstance(outcome, Unavailable)
    assert outcome.whole_account


@pytest.mark.parametrize("to", ["", "nobody", "a@mail.example>\r\nRCPT TO:<b@mail.example", "a b@mail.example"])
def test_an_address_that_is_none_is_rejected_before_the_wire(to: str) -> None:
    (outcome,) = send(1, to=to)
    assert isinstance(outcome, Rejected)


@pytest.mark.parametrize(
    ("given", "wire"),
    [
        (b"a\r\n.b\r\n", b"a\r\n..b\r\n"),
        (b".a", b"..a\r\n"),
        (b"a\n.\nMAIL FROM:<x@y>\n", b"a\r\n..\r\nMAIL FROM:<x@y>\r\n"),
        (b"a\r.\r\nb", b"a\r\n..\r\nb\r\n"),
        (b"a\r\n\n.\r\n", b"a\r\n\r\n..\r\n"),
    ],
)
def test_no_text_can_end_its_own_message(given: bytes, wire: bytes) -> None:
    assert dotted(given) == wire
