"""One SMTP connection: what a client says, and what is certain when it fails. RFC 5321, 2920, 3207."""

import asyncio
import base64
import re
import ssl
from typing import Self

from app.gateways.smtp.line import Broken, Line, Reply

REPLY_SECONDS = 30.0
SMALL = 64 * 1024
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_STEPS = ("MAIL", "RCPT", "DATA")


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
    """A greeted connection. After Lost, LostAfterDot or a 421 it is of no more use."""

    def __init__(self, line: Line, name: str) -> None:
        self._line = line
        self._name = name
        self._extensions: dict[str, str] = {}
        self.sent = 0
        self._used_at = asyncio.get_running_loop().time()

    @classmethod
    async def open(cls, addresses: list[str], port: int, *, server_name: str, tls: ssl.SSLContext | None) -> Self:
        """Connect, read the greeting and introduce ourselves. Raises: Lost, Refused."""
        try:
            line = await Line.open(addresses, port, server_name=server_name, tls=tls)
        except Broken as broke:
            raise Lost(str(broke)) from broke
        connection = cls(line, name="carillon")
        try:
            _demand("greeting", (await connection._replies(1))[0])
            await connection._hello()
        except (Lost, Refused):
            connection.abort()
            raise
        return connection

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Encrypt the connection. Raises: Lost, Refused."""
        if "STARTTLS" not in self._extensions:
            raise Lost("the server does not offer encryption")
        _demand("STARTTLS", await self._ask("STARTTLS"))
        try:
            await self._line.start_tls(context, server_name)
        except Broken as broke:
            raise Lost(str(broke)) from broke
        await self._hello()

    async def log_in(self, username: str, password: str) -> None:
        """Authenticate with PLAIN, or LOGIN where only that is offered. Raises: Lost, Refused."""
        offered = self._extensions.get("AUTH", "").upper().split()
        if "PLAIN" in offered or "LOGIN" not in offered:
            _demand("AUTH", await self._ask("AUTH PLAIN " + _base64(f"\0{username}\0{password}")))
            return
        for words in ("AUTH LOGIN", _base64(username), _base64(password)):
            _demand("AUTH", await self._ask(words))

    async def deliver(self, sender: str, recipient: str, body: bytes, answer_seconds: float) -> Reply:
        """Hand over one message made by `dotted`; the server's answer to the final dot.

        Raises:
            Refused: the server said no at MAIL, RCPT, DATA or after the dot; nothing was accepted.
            Lost: nothing was accepted. LostAfterDot: it may have been.
        """
        self._used_at = asyncio.get_running_loop().time()
        await self._envelope(sender, recipient, eight_bit=not body.isascii())
        if len(body) > SMALL:  # a long one that breaks on its way has surely not been accepted: the dot is still here
            await self._write_out(body)
            body = b""
        self._write(body + b".\r\n")
        try:
            reply = (await self._line.replies(1, answer_seconds))[0]
        except Broken as broke:
            raise LostAfterDot("no answer after the final dot") from broke
        self.sent += 1
        _demand("message", reply)
        return reply

    async def _envelope(self, sender: str, recipient: str, *, eight_bit: bool) -> None:
        mail = f"MAIL FROM:<{sender}>"
        if eight_bit and "8BITMIME" in self._extensions:
            mail += " BODY=8BITMIME"
        if not (sender.isascii() and recipient.isascii()):
            if "SMTPUTF8" not in self._extensions:
                raise Refused("RCPT", Reply(553, "5.6.7 the relay takes no addresses outside ASCII"))
            mail += " SMTPUTF8"
        lines = (mail, f"RCPT TO:<{recipient}>", "DATA")
        if "PIPELINING" not in self._extensions:
            for step, line in zip(_STEPS, lines, strict=True):
                await self._demand_or_reset(step, await self._ask(line))
            return
        self._write("".join(f"{line}\r\n" for line in lines).encode())
        replies = await self._replies(3)
        if replies[2].code == 354 and not (replies[0].good and replies[1].good):
            await self._ask(".")  # RFC 2920 3.1: DATA may be taken although no recipient was; end it empty
        for step, reply in zip(_STEPS, replies, strict=True):
            await self._demand_or_reset(step, reply)

    async def _demand_or_reset(self, step: str, reply: Reply) -> None:
        if reply.good:
            return
        if reply.code != 421:
            await self._ask("RSET")
        raise Refused(step, reply)

    def fresh(self, seconds: float) -> bool:
        """Tell whether the connection is open and was used in the last seconds."""
        return self._line.open_still and asyncio.get_running_loop().time() - self._used_at < seconds

    async def quit(self) -> None:
        """Say goodbye and close."""
        try:
            self._line.write(b"QUIT\r\n")
            await self._line.replies(1, 1.0)
        except Broken:
            self.abort()
        self._line.transport.close()

    def abort(self) -> None:
        """Close without a word."""
        self._line.abort()

    async def _hello(self) -> None:
        reply = await self._ask(f"EHLO {self._name}")
        _demand("EHLO", reply)
        words = [line.partition(" ") for line in reply.text.split("\n")[1:]]
        self._extensions = {name.upper(): values for name, _, values in words}

    async def _ask(self, words: str) -> Reply:
        self._write(f"{words}\r\n".encode())
        return (await self._replies(1))[0]

    async def _replies(self, number: int) -> list[Reply]:
        try:
            return await self._line.replies(number, REPLY_SECONDS)
        except Broken as broke:
            raise Lost(str(broke)) from broke

    def _write(self, data: bytes) -> None:
        try:
            self._line.write(data)
        except Broken as broke:
            raise Lost(str(broke)) from broke

    async def _write_out(self, data: bytes) -> None:
        try:
            self._line.write(data)
            await self._line.written(REPLY_SECONDS)
        except Broken as broke:
            raise Lost(str(broke)) from broke


def _demand(step: str, reply: Reply) -> None:
    if not reply.good:
        raise Refused(step, reply)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def dotted(mime: bytes) -> bytes:
    """Make a message ready for the wire: CRLF lines only, leading dots doubled, a line end at the end.

    A bare CR or LF would let text inside a message be read as its end (SMTP smuggling), so none is let through.
    """
    pairs = mime.count(b"\r\n")
    if mime.count(b"\n") != pairs or mime.count(b"\r") != pairs:
        mime = _BARE.sub(b"\r\n", mime)
    if b"\r\n." in mime:
        mime = mime.replace(b"\r\n.", b"\r\n..")
    if mime.startswith(b"."):
        mime = b"." + mime
    return mime if mime.endswith(b"\r\n") else mime + b"\r\n"
