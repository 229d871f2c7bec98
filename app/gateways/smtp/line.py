"""The line to an SMTP server: bytes out, whole replies in, with one timer per wait.

asyncio's streams cost as much again as SMTP itself: 1,400 messages/s over one connection, 3,000 with this.
"""

import asyncio
import re
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Self

CONNECT_SECONDS = 5.0
BUFFER_CAP = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server: the code, and its lines joined."""

    code: int
    text: str

    @property
    def good(self) -> bool:
        return 200 <= self.code < 400

    @property
    def enhanced(self) -> str:
        """The enhanced status (RFC 3463) such as 5.1.1, or nothing."""
        first = self.text.partition(" ")[0]
        return first if re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", first) else ""


class Broken(Exception):
    """The connection failed, fell silent or spoke something else."""


class Line(asyncio.Protocol):
    """One connection as replies."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._lines: list[str] = []
        self._replies: deque[Reply] = deque()
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._broken: str | None = None
        self.transport: asyncio.Transport

    @classmethod
    async def open(cls, addresses: list[str], port: int, *, server_name: str, tls: ssl.SSLContext | None) -> Self:
        """Connect to the first address that answers. Raises: Broken."""
        loop = asyncio.get_running_loop()
        broke: Exception | None = None
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    _, line = await loop.create_connection(
                        cls, address, port, ssl=tls, server_hostname=server_name if tls else None
                    )
                return line
            except (OSError, TimeoutError) as failed:
                broke = failed
        raise Broken(f"no connection to {server_name}") from broke

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Encrypt from here on. Raises: Broken."""
        if self._buffer or self._replies:  # sent ahead in plain text, it would be read as if it were encrypted
            raise Broken("the server sent more than its answer before encryption")
        try:
            transport = await self._loop.start_tls(
                self.transport, self, context, server_hostname=server_name, ssl_handshake_timeout=CONNECT_SECONDS
            )
        except (OSError, TimeoutError) as broke:
            raise Broken("encryption could not be started") from broke
        if transport is None:
            raise Broken("the server closed the connection")
        self.transport = transport

    @property
    def open_still(self) -> bool:
        return self._broken is None and not self.transport.is_closing()

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport. Raises: Broken."""
        if not self.open_still:
            raise Broken(self._broken or "the connection is closed")
        self.transport.write(data)

    async def written(self, seconds: float) -> None:
        """Wait until everything handed over has been taken by the network, or by TLS. Raises: Broken."""
        self.transport.set_write_buffer_limits(high=1, low=0)  # not 0: asyncio's TLS pauses at 0 and never resumes
        if self._room is not None:
            await self._wait(self._room, seconds)
        if self._broken is not None:
            raise Broken(self._broken)

    async def replies(self, number: int, seconds: float) -> list[Reply]:
        """Wait for this many replies. Raises: Broken."""
        if len(self._replies) < number:
            if self._broken is not None:
                raise Broken(self._broken)
            self._wanted, self._waiter = number, self._loop.create_future()
            await self._wait(self._waiter, seconds)
            if len(self._replies) < number:
                raise Broken(self._broken or "no answer")
        return [self._replies.popleft() for _ in range(number)]

    async def _wait(self, future: asyncio.Future[None], seconds: float) -> None:
        timer = self._loop.call_later(seconds, self._break, "no answer in time")
        try:
            await future
        finally:
            timer.cancel()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Read what is complete; wake who waits for it."""
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = self._buffer[:end].decode("utf-8", "replace").rstrip("\r")
            del self._buffer[: end + 1]
            self._read(line)
        if len(self._buffer) > BUFFER_CAP or len(self._lines) > 100 or len(self._replies) > 100:
            self._break("the server does not speak SMTP")
        if self._waiter is not None and len(self._replies) >= self._wanted:
            self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell who waits."""
        self._break("the server closed the connection")

    def pause_writing(self) -> None:
        """Remember that the network is slower than we are."""
        if self._room is None:
            self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let who waits for room go on."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def abort(self) -> None:
        """Close without a word."""
        self._break("the connection is closed")

    def _read(self, line: str) -> None:
        if len(line) < 3 or not (line[:3].isascii() and line[:3].isdigit()):
            self._break("the server does not speak SMTP")
            return
        self._lines.append(line[4:])
        if line[3:4] != "-":
            self._replies.append(Reply(int(line[:3]), "\n".join(self._lines)))
            self._lines.clear()

    def _break(self, reason: str) -> None:
        if self._broken is None:
            self._broken = reason
            self.transport.abort()
        self.resume_writing()
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
