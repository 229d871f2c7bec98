"""The front by itself: what it hands to the application, and whom it keeps waiting for a thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import pytest

from app.http import front
from app.http.front import REFUSED, Environ, Front, Limits, Rooms, environ_of

Wait = Callable[[], Awaitable[object]]
AT_ONCE = partial(asyncio.sleep, 0)
HEADERS = [(b"host", b"bank.example"), (b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-forwarded-for", b"1.2.3.4")]


def scope(method: str = "POST", path: bytes = b"/there", client: str = "10.0.0.1", **more: Any) -> dict[str, Any]:
    return {
        "type": "http", "http_version": "1.1", "method": method, "path": path.decode(), "raw_path": path, "query_string": b"q=1",
        "scheme": "http", "headers": HEADERS, "client": (client, 1), "server": ("bank.example", 80), **more,
    }  # fmt: skip


def echo(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start("200 OK", [("X-Refused", str(REFUSED in environ)), ("X-Length", environ.get("CONTENT_LENGTH", ""))])
    return [body]


def made(wsgi: Any = echo, limits: Limits | None = None, room: int = 100, admitted: int = 0) -> Front:
    return Front(wsgi, Rooms(lambda _: room, lambda _: admitted), client=lambda e: e["REMOTE_ADDR"], limits=limits)


async def asked(
    app: Front, *pieces: bytes, wait: Wait = AT_ONCE, sent: dict[str, Any] | None = None
) -> tuple[int, dict[bytes, bytes], bytes]:
    """One request whose body comes in pieces, each waited for: status, headers, body."""
    left, got = list(pieces), []

    async def receive() -> dict[str, Any]:
        await wait()
        piece = left.pop(0) if left else b""
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(event: Any) -> None:
        got.append(event)

    given = sent or scope()
    if pieces:
        given = {**given, "headers": [*given["headers"], (b"transfer-encoding", b"chunked")]}
    await app(given, receive, send)
    return got[0]["status"], dict(got[0]["headers"]), b"".join(event.get("body", b"") for event in got[1:])


def test_the_application_gets_the_whole_body_and_its_length() -> None:
    status, headers, body = asyncio.run(asked(made(), b"one ", b"two"))
    assert (status, body) == (200, b"one two")
    assert (headers[b"x-length"], headers[b"x-refused"]) == (b"7", b"False")


def test_a_body_too_large_for_its_route_is_not_read_to_the_end() -> None:
    assert asyncio.run(asked(made(), *[b"x" * 60] * 3))[1][b"x-refused"] == b"True"
    announced = scope(headers=[(b"content-length", b"101")])
    status, headers, body = asyncio.run(asked(made(), sent=announced))
    assert (status, headers[b"x-refused"], body) == (200, b"True", b"")


def test_who_may_send_more_is_asked_before_more_is_read() -> None:
    status, headers, body = asyncio.run(asked(made(admitted=1000), *[b"x" * 60] * 3))
    assert (status, headers[b"x-refused"], len(body)) == (200, b"False", 180)


def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "GRACE", 0.1)
    status, headers, _ = asyncio.run(asked(made(), *[b"x"] * 50, wait=partial(asyncio.sleep, 0.02)))
    assert (status, headers[b"connection"]) == (408, b"close")


def test_slow_bodies_of_one_address_are_counted_and_hold_up_nobody() -> None:
    async def all_of_them() -> list[int]:
        app, gate = made(limits=Limits(threads=1, bodies=3)), asyncio.Event()
        slow = [asyncio.create_task(asked(app, b"a", b"b", wait=gate.wait)) for _ in range(5)]
        other = await asked(app, b"x", sent=scope(client="10.0.0.2"))
        page = await asked(app, sent=scope("GET"))
        assert (other[0], page[0]) == (200, 200), "while none of the slow ones has come to its end"
        gate.set()
        return sorted([(await one)[0] for one in slow])

    assert asyncio.run(all_of_them()) == [200, 200, 200, 429, 429]


def test_more_than_the_queue_holds_is_told_to_come_again_while_healthz_answers() -> None:
    hold = threading.Event()

    def stuck(environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        hold.wait(5)
        return echo(environ, start)

    async def all_of_them() -> tuple[int, ...]:
        app = made(stuck, Limits(threads=1, waiting=2, queue=3))
        held = [asyncio.create_task(asked(app, sent=scope("GET"))) for _ in range(2)]
        await asyncio.sleep(0.01)
        same = await asked(app, sent=scope("GET"))
        held.append(asyncio.create_task(asked(app, sent=scope("GET", client="10.0.0.2"))))
        await asyncio.sleep(0.01)
        third = await asked(app, sent=scope("GET", client="10.0.0.3"))
        health = await asked(app, sent=scope("GET", b"/healthz"))
        hold.set()
        assert b"connection" not in same[1], "its request was read: the connection carries the next"
        return same[0], third[0], health[0], *[(await one)[0] for one in held]

    assert asyncio.run(all_of_them()) == (429, 503, 200, 200, 200, 200)


def test_the_request_as_wsgi_says_it() -> None:
    environ = environ_of(scope(path=b"/%D7%90/a%20b", headers=[*HEADERS, (b"x_forwarded_for", b"6.6.6.6")]))
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/א/a b"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_FORWARDED_FOR"] == "1.2.3.4", "an underscore in a name forges no header"


def test_a_long_answer_comes_in_pieces_and_is_closed() -> None:
    closed = []

    class Long:
        def __iter__(self) -> Any:
            yield from [b"x" * 300_000] * 5

        def close(self) -> None:
            closed.append(True)

    def wsgi(_environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", [])
        return Long()

    assert len(asyncio.run(asked(made(wsgi)))[2]) == 1_500_000
    assert closed == [True]
