"""In front of the application: a request is complete before a thread is taken, and an answer before it is given back.

A client that sends or reads slowly costs a socket and a spooled file, never a thread. Knows no Flask.
"""

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any, TypeVar
from urllib.parse import unquote_to_bytes

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Environ = dict[str, Any]
Done = TypeVar("Done")
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

REFUSED = "carillon.refused"  # in the environment of a request whose body was not read: it is too large for its route
IN_MEMORY = 1024 * 1024  # of a body or an answer; what is longer lies in a file meanwhile
GRACE = 10.0  # seconds a body or a reader may take ...
SLOWEST = 16 * 1024  # ... and bytes a second from then on
PIECE = 256 * 1024
_AGAIN = {408: "Request Timeout", 429: "Too Many Requests", 503: "Service Unavailable"}


@dataclass(frozen=True)
class Limits:
    """How much one address, and all of them together, may have in hand in one process."""

    threads: int = 4
    bodies: int = 16  # of one address, on their way in at the same time
    waiting: int = 64  # of one address, complete and not answered
    queue: int = 256  # of all addresses, complete and not answered


@dataclass(frozen=True)
class Rooms:
    """How large a body may be. `room` is asked for each one and must be quick; `admit` for those above it, in a thread."""

    room: Callable[[Environ], int]
    admit: Callable[[Environ], int]


class Refused(Exception):
    """Answered without the application. A connection whose request was not read to its end cannot carry another."""

    def __init__(self, status: int, *, was_read: bool = False) -> None:
        super().__init__(status)
        self.status, self.was_read = status, was_read


class Gone(Exception):
    """The client has hung up."""


class Front:
    """An ASGI application around a WSGI one."""

    def __init__(
        self, wsgi: Wsgi, rooms: Rooms, *, client: Callable[[Environ], str], limits: Limits | None = None
    ) -> None:
        """`client` tells whom a request comes from, behind whatever proxies are trusted."""
        self.wsgi, self.rooms, self.client, self.limits = wsgi, rooms, client, limits or Limits()
        self.pool = ThreadPoolExecutor(self.limits.threads, thread_name_prefix="request")
        self.bodies: Counter[str] = Counter()
        self.waiting: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/healthz" and scope["method"] in {"GET", "HEAD"}:
            await reply(send, 200, b'{"status":"ok"}\n', b"application/json")
            return
        try:
            await self.take(environ_of(scope), receive, send)
        except Refused as refused:
            text = f"{refused.status} {_AGAIN[refused.status]}\n".encode()
            closed = () if refused.was_read else ((b"connection", b"close"),)
            await reply(send, refused.status, text, b"text/plain", (b"retry-after", b"5"), *closed)
        except (Gone, TimeoutError):
            log.info("a client hung up or read too slowly", extra={"path": scope["path"]})

    async def take(self, environ: Environ, receive: Receive, send: Send) -> None:
        """Read the request whole, let a thread answer it, send the answer."""
        who = self.client(environ)
        body: IO[bytes] = BytesIO()
        if has_body(environ):
            with counted(self.bodies, who, self.limits.bodies):
                body = await self.body(environ, receive)
        with body, counted(self.waiting, who, self.limits.waiting, self.limits.queue):
            answer = await self.threaded(self.answered, {**environ, "wsgi.input": body})
        with answer.body:
            await answer.send(send)

    async def body(self, environ: Environ, receive: Receive) -> IO[bytes]:
        """The body of a request, in memory or in a file. One that is too large is not read: the application says so."""
        spool = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by whoever answers
        try:
            async with asyncio.timeout(GRACE) as limit:
                is_whole = await self.filled(spool, environ, receive, limit)
        except TimeoutError:
            raise Refused(408) from None  # the spool is closed with its last reference
        if not is_whole:
            spool.seek(0)
            spool.truncate()
            environ[REFUSED] = True
        environ["CONTENT_LENGTH"] = str(spool.tell())
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        spool.seek(0)
        return spool

    async def filled(self, spool: IO[bytes], environ: Environ, receive: Receive, limit: asyncio.Timeout) -> bool:
        """Read until the end, or False when there is no room for it."""
        until, room, got = limit.when() or 0.0, self.rooms.room(environ), 0
        announced = int(environ.get("CONTENT_LENGTH") or 0)
        if announced > room:
            room = await self.admitted(environ, room)
        if announced > room:
            return False
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise Gone
            piece = event.get("body", b"")
            got += len(piece)
            if got > room:
                room = await self.admitted(environ, room)
            if got > room:
                return False
            spool.write(piece)
            limit.reschedule(until + got / SLOWEST)
            if not event.get("more_body", False):
                return True

    async def admitted(self, environ: Environ, room: int) -> int:
        """How much more there is room for, for this person; asked before anything of it is read."""
        return max(
            room, await self.threaded(self.rooms.admit, {**environ, "CONTENT_LENGTH": "0", "wsgi.input": BytesIO()})
        )

    async def threaded(self, act: Callable[[Environ], Done], environ: Environ) -> Done:
        """Do it in one of our threads."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, act, environ)

    def answered(self, environ: Environ) -> "Answer":
        """What the application says, whole."""
        said: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
            said[:] = [int(status[:3]), [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in headers]]
            return spool.write

        spool = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by whoever sends it
        pieces = self.wsgi(environ, start)
        try:
            for piece in pieces:
                spool.write(piece)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        length = spool.tell()
        spool.seek(0)
        return Answer(said[0], said[1], spool, length)


@dataclass(frozen=True)
class Answer:
    """An answer that is complete."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: IO[bytes]
    length: int

    async def send(self, send: Send) -> None:
        """Hand it over; whoever reads too slowly is left."""
        async with asyncio.timeout(GRACE + self.length / SLOWEST):
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            left = self.length
            while left > PIECE:
                piece = self.body.read(PIECE)
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": self.body.read(), "more_body": False})


@contextmanager
def counted(counter: Counter[str], who: str, most: int, of_all: int | None = None) -> Iterator[None]:
    """Count one more of this address while it lasts. Raises Refused."""
    if counter[who] >= most:
        raise Refused(429, was_read=of_all is not None)
    if of_all is not None and counter.total() >= of_all:
        raise Refused(503, was_read=True)
    counter[who] += 1
    try:
        yield
    finally:
        counter[who] -= 1
        if not counter[who]:
            del counter[who]


async def reply(send: Send, status: int, text: bytes, kind: bytes, *more: tuple[bytes, bytes]) -> None:
    """A short answer of our own."""
    headers = [(b"content-type", kind), (b"content-length", str(len(text)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text, "more_body": False})


def has_body(environ: Environ) -> bool:
    """Whether anything follows the headers."""
    return environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ


def environ_of(scope: Scope) -> Environ:
    """The request as WSGI says it (PEP 3333), all but its body."""
    path = unquote_to_bytes(scope["raw_path"].split(b"?")[0]) if scope.get("raw_path") else scope["path"].encode()
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": _Errors(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").upper().replace("-", "_"), value.decode("latin-1")
        if b"_" in name:
            continue  # X_Forwarded_For is not X-Forwarded-For
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{text}" if key in environ else text
    return environ


class _Errors:
    """wsgi.errors: into the log."""

    def write(self, text: str) -> None:
        log.error("%s", text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing is kept back."""
