"""The outgoing client: where it may go, and what each way of failing means."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from app.core import trace
from app.gateways import addresses
from app.gateways.http import AddressRefused, Answer, AnswerTimeout, ConnectionBroken, Http, HttpFailure, NotConnected
from tests.servers.sandbox import Sandbox, free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def call(url: str, *, allow_private: bool = True, read_seconds: float = 1, answer_cap: int = 1000) -> Answer:
    async def post() -> Answer:
        async with Http(allow_private=allow_private, read_seconds=read_seconds, answer_cap=answer_cap) as http:
            return await http.post(url, {})

    return asyncio.run(post())


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], tuple[str, list[bytes]]]]:
    """A server that answers one connection with the given bytes and closes; what it was sent."""
    listeners: list[socket.socket] = []

    def start(answer: bytes) -> tuple[str, list[bytes]]:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        heard: list[bytes] = []

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/", heard

    yield start
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fec0::1]/",
        "https://10.1.2.3/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://224.0.0.1/",
        "https://0.0.0.0/",
        "https://localhost/",
        "https://user:word@example.com/",
        "gopher://example.com/",
        "file:///etc/passwd",
        "https:///nothing",
        "not an address",
    ],
)
def test_private_networks_and_strange_addresses_are_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        call(url, allow_private=False)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700::1111", True),
        ("2002:7f00:1::", False),
        ("::127.0.0.1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_wrapped_addresses_are_unwrapped(address: str, public: bool) -> None:
    assert addresses.is_public(address) is public


def test_nobody_there_is_surely_not_written() -> None:
    with pytest.raises(NotConnected):
        call(f"http://127.0.0.1:{free_port()}/")


def test_silence_may_have_been_carried_out(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(AnswerTimeout):
        call(f"http://127.0.0.1:{silent.getsockname()[1]}/", read_seconds=0.3)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", b"what?\r\n\r\n"])
def test_a_broken_answer_may_have_been_carried_out(
    answer: bytes, answering: Callable[..., tuple[str, list[bytes]]]
) -> None:
    url, _ = answering(answer)
    with pytest.raises(ConnectionBroken):
        call(url)


def test_a_long_answer_is_cut_off(answering: Callable[..., tuple[str, list[bytes]]]) -> None:
    url, _ = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000)
    with pytest.raises(HttpFailure):
        call(url, answer_cap=1000)


def test_a_redirect_is_an_answer_and_is_not_followed(answering: Callable[..., tuple[str, list[bytes]]]) -> None:
    url, _ = answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    assert call(url).status == 302


def test_the_trace_goes_along(answering: Callable[..., tuple[str, list[bytes]]]) -> None:
    url, heard = answering(OK)
    token = trace.correlation.set("trace-1234")
    try:
        assert call(url).json() == {}
    finally:
        trace.correlation.reset(token)
    assert b"X-Correlation-Id: trace-1234" in heard[0]
