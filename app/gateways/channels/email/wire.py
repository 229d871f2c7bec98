"""One SMTP connection in asyncio: what an SMTP client says, and what is certain when it fails. RFC 5321, 2920, 3207."""

import asyncio
import base64
import re
import ssl
from dataclasses import dataclass
from typing import Self

CONNECT_SECONDS = 5.0
REPLY_SECONDS = 30.0
LINE_CAP = 8192
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the server: the code and its lines joined."""

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


class Refused(Exception):
    """The server answered with a refusal at the named step; nothing was accepted."""

    def __init__(self, step: str, reply: Reply) -> None:
        super().__init__(f"{step}: {reply.code} {reply.text}")
        self.step = step
        self.reply = reply


class Lost(Exception):
    """The connection failed before the final dot: surely nothing was accepted."""


class LostAfterDot(Exception):
    """The connection failed, or fell silent, after the final dot: the message may have been accepted."""


class Connection:
    """A greeted connection. Any Lost, LostAfterDot or 421 means: throw it away."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
        self._reader = reader
        self._writer = writer
        self._name = name
        self._extensions: dict[str, str] = {}
        self.sent = 0
        self.used_at = asyncio.get_running_loop().time()

    @classmethod
    async def open(cls, addresses: list[str], port: int, *, server_name: str, tls: ssl.SSLContext | None) -> Self:
        """Connect to the first address that answers and read the greeting. Raises: Lost, Refused."""
        broke: Exception | None = None
        for address in addresses:
            try:
                streams = await asyncio.wait_for(
                    asyncio.open_connection(
                        address, port, ssl=tls, server_hostname=server_name if tls else None, limit=LINE_CAP
                    ),
                    CONNECT_SECONDS,
                )
            except (OSError, TimeoutError) as failed:
                broke = failed
                continue
            connection = cls(*streams, name="carillon")
            try:
                connection._demand("greeting", await connection._reply())
                await connection._hello()
            except (Lost, Refused):
                connection.abort()
                raise
            return connection
        raise Lost(f"no connection to {server_name}") from broke

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Encrypt the connection. Raises: Lost, Refused."""
        if "STARTTLS" not in self._extensions:
            raise Lost("the server does not offer STARTTLS")
        self._demand("STARTTLS", await self._ask(b"STARTTLS\r\n"))
        if self._reader._buffer:  # type: ignore[attr-defined]  # plain text sent ahead would be read as if encrypted
            raise Lost("the server sent more than its answer before encryption")
        try:
            await self._writer.start_tls(context, server_hostname=server_name, ssl_handshake_timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError) as broke:
            raise Lost("encryption could not be started") from broke
        await self._hello()

    async def log_in(self, username: str, password: str) -> None:
        """Authenticate with PLAIN, or LOGIN where only that is offered. Raises: Lost, Refused."""
        offered = self._extensions.get("AUTH", "").upper().split()
        if "PLAIN" in offered or "LOGIN" not in offered:
            token = base64.b64encode(f"\0{username}\0{password}".encode())
            self._demand("AUTH", await self._ask(b"AUTH PLAIN " + token + b"\r\n"))
            return
        self._demand("AUTH", await self._ask(b"AUTH LOGIN\r\n"))
        self._demand("AUTH", await self._ask(base64.b64encode(username.encode()) + b"\r\n"))
        self._demand("AUTH", await self._ask(base64.b64encode(password.encode()) + b"\r\n"))

    async def deliver(self, sender: str, recipient: str, body: bytes, answer_seconds: float) -> Reply:
        """Hand over one message; the server's answer to the final dot.

        Raises:
            Refused: the server said no at MAIL, RCPT, DATA or after the dot; nothing was accepted.
            Lost: nothing was accepted. LostAfterDot: it may have been.
        """
        self.used_at = asyncio.get_running_loop().time()
        await self._envelope(sender, recipient, eight_bit=not body.isascii())
        self._write(body)
        await self._drain()  # a message that broke on its way is surely not accepted: the dot was never written
        try:
            self._writer.write(b".\r\n")
            reply = await asyncio.wait_for(self._reply(), answer_seconds)
        except (Lost, TimeoutError) as broke:
            raise LostAfterDot("no answer after the final dot") from broke
        self.sent += 1
        self._demand("message", reply)
        return reply

    async def _envelope(self, sender: str, recipient: str, *, eight_bit: bool) -> None:
        mail = f"MAIL FROM:<{sender}>"
        if eight_bit and "8BITMIME" in self._extensions:
            mail += " BODY=8BITMIME"
        if not (sender.isascii() and recipient.isascii()):
            if "SMTPUTF8" not in self._extensions:
                raise Refused("RCPT", Reply(553, "5.6.7 the relay takes no addresses outside ASCII"))
            mail += " SMTPUTF8"
        lines = [f"{mail}\r\n".encode(), f"RCPT TO:<{recipient}>\r\n".encode(), b"DATA\r\n"]
        if "PIPELINING" not in self._extensions:
            for step, line in zip(("MAIL", "RCPT", "DATA"), lines, strict=True):
                await self._demand_or_reset(step, await self._ask(line))
            return
        self._write(b"".join(lines))
        replies = [await self._reply_in_time() for _ in lines]
        if replies[2].code == 354 and not (replies[0].good and replies[1].good):
            await self._ask(b".\r\n")  # RFC 2920 3.1: DATA may be taken although no recipient was; end it empty
        for step, reply in zip(("MAIL", "RCPT", "DATA"), replies, strict=True):
            await self._demand_or_reset(step, reply)

    async def _demand_or_reset(self, step: str, reply: Reply) -> None:
        if reply.good:
            return
        if reply.code != 421:
            await self._ask(b"RSET\r\n")
        raise Refused(step, reply)

    def fresh(self, seconds: float) -> bool:
        """Tell whether the connection is open and was used in the last seconds."""
        return not self._writer.is_closing() and asyncio.get_running_loop().time() - self.used_at < seconds

    async def quit(self) -> None:
        """Say goodbye and close."""
        try:
            await asyncio.wait_for(self._ask(b"QUIT\r\n"), 1.0)
        except (Lost, TimeoutError):
            self.abort()
        self._writer.close()

    def abort(self) -> None:
        """Close without a word."""
        self._writer.transport.abort()

    async def _hello(self) -> None:
        reply = await self._ask(f"EHLO {self._name}\r\n".encode())
        self._demand("EHLO", reply)
        words = [line.partition(" ") for line in reply.text.split("\n")[1:]]
        self._extensions = {name.upper(): values for name, _, values in words}

    @staticmethod
    def _demand(step: str, reply: Reply) -> None:
        if not reply.good:
            raise Refused(step, reply)

    async def _ask(self, line: bytes) -> Reply:
        self._write(line)
        return await self._reply_in_time()

    def _write(self, data: bytes) -> None:
        if self._writer.is_closing():
            raise Lost("the server closed the connection")
        self._writer.write(data)

    async def _drain(self) -> None:
        try:
            await asyncio.wait_for(self._writer.drain(), REPLY_SECONDS)
        except (OSError, TimeoutError) as broke:
            raise Lost("the connection broke while writing") from broke

    async def _reply_in_time(self) -> Reply:
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                return await self._reply()
        except TimeoutError as late:
            raise Lost("no answer in time") from late

    async def _reply(self) -> Reply:
        lines: list[str] = []
        while True:
            try:
                raw = await self._reader.readuntil(b"\n")
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as broke:
                raise Lost("the server closed the connection") from broke
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if len(line) < 3 or not line[:3].isascii() or not line[:3].isdigit() or len(lines) > 100:
                raise Lost("the server does not speak SMTP")
            lines.append(line[4:])
            if line[3:4] != "-":
                return Reply(int(line[:3]), "\n".join(lines))


def dotted(mime: bytes) -> bytes:
    """Make a message ready for the wire: CRLF lines only, leading dots doubled, a line end at the end.

    A bare CR or LF would let text inside a message be read as its end (SMTP smuggling), so none is let through.
    """
    if mime.count(b"\n") != mime.count(b"\r\n") or mime.count(b"\r") != mime.count(b"\r\n"):
        mime = _BARE.sub(b"\r\n", mime)
    if b"\r\n." in mime:
        mime = mime.replace(b"\r\n.", b"\r\n..")
    if mime.startswith(b"."):
        mime = b"." + mime
    return mime if mime.endswith(b"\r\n") else mime + b"\r\n"
