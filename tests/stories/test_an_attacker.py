"""The worst ten things a stranger or a bad insider can send, as real requests against a started house."""

import contextlib
import socket
import time
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.servers.house import House, whole
from tests.servers.throwaway import Servers


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


def said(made: socket.socket) -> int:
    """The status of what comes back."""
    return int(made.recv(200).split()[1])


def test_slow_posts_stop_nobody(house: House) -> None:
    quick(house, "/login")
    slow = head(house, "/login", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 1000") + b"email="
    for sources in (["127.0.0.1"], [f"127.0.0.{n}" for n in range(2, 12)]):
        with contextlib.ExitStack() as stack:
            for number in range(40):
                stack.enter_context(line(house, sources[number % len(sources)])).sendall(slow)
            time.sleep(0.3)
            assert max(quick(house, "/healthz"), quick(house, "/login")) < 1
