"""An SMTP relay: prepared messages over a few kept connections; receipts as the relay posts them."""

import re
import ssl
from collections.abc import Mapping
from datetime import datetime

from app.gateways import addresses, signature
from app.gateways.channels import events
from app.gateways.channels.base import (
    Accepted,
    Category,
    InDoubt,
    OneByOne,
    Outgoing,
    Receipt,
    Rejected,
    Unavailable,
)
from app.gateways.channels.config import ChannelConfig, SmtpConfig
from app.gateways.smtp.line import Reply
from app.gateways.smtp.wire import Connection, Lost, LostAfterDot, Refused, dotted

_ADDRESS = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,320}")
IDLE_SECONDS = 20.0
MESSAGES_PER_CONNECTION = 1000  # many relays close after a number of their own
LATER_SECONDS = 300.0


class Smtp(OneByOne):
    """One account at a relay.

    A message goes out with two headers the relay may use and drop: `X-Message-Reference` (receipts name it) and
    `X-Callback-URL` (where they are posted, if configured).
    """

    def __init__(self, config: ChannelConfig, secret: str, *, signing_secret: str, allow_private: bool) -> None:
        self.config = SmtpConfig.model_validate(config)
        self.password = secret
        self.signing_secret = signing_secret
        self.allow_private = allow_private
        self.concurrency = self.config.connections
        self._idle: list[Connection] = []
        self._tls = _tls_context()

    async def close(self) -> None:
        """Say goodbye on every kept connection."""
        while self._idle:
            await self._idle.pop().quit()

    async def send_one(self, message: Outgoing) -> Accepted:
        """Hand one message to the relay. Raises: Rejected, Unavailable, InDoubt."""
        body = self._body(message)
        try:
            reply = await self._deliver(message, body)
        except LostAfterDot as broke:
            raise InDoubt(str(broke)) from broke
        except Lost as broke:
            raise Unavailable(str(broke)) from broke
        except Refused as refused:
            raise _meaning(refused) from refused
        return Accepted(message.reference, provider_id=_queued_as(reply) or message.reference)

    async def _deliver(self, message: Outgoing, body: bytes) -> Reply:
        """Deliver over a kept connection, or a new one; a kept one that turns out dead is no failure."""
        kept = self._kept()
        if kept is not None:
            try:
                return await self._over(kept, message, body)
            except Lost:
                kept.abort()
            except Refused as refused:
                if refused.reply.code != 421:
                    raise
        return await self._over(await self._connect(), message, body)

    async def _over(self, connection: Connection, message: Outgoing, body: bytes) -> Reply:
        try:
            reply = await connection.deliver(message.sender, message.to, body, self.config.answer_seconds)
        except Refused as refused:
            self._keep(connection, refused.reply)
            raise
        except BaseException:  # also a cancelled send: the connection is in the middle of something
            connection.abort()
            raise
        self._keep(connection, reply)
        return reply

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.fresh(IDLE_SECONDS):
                return connection
            connection.abort()
        return None

    def _keep(self, connection: Connection, reply: Reply) -> None:
        if reply.code == 421 or connection.sent >= MESSAGES_PER_CONNECTION:
            connection.abort()
        else:
            self._idle.append(connection)

    async def _connect(self) -> Connection:
        host, port = self.config.host, self.config.port
        if self.config.username and self.config.security == "none" and not self.allow_private:
            raise Refused("AUTH", Reply(538, "5.7.11 a password goes over the open network only encrypted"))
        find = addresses.resolve if self.allow_private else addresses.resolve_public
        try:
            found = await find(host, port)
        except OSError as unknown:
            raise Lost(f"{host} cannot be reached from here") from unknown
        tls = self._tls if self.config.security == "tls" else None
        connection = await Connection.open(found, port, server_name=host, tls=tls)
        try:
            if self.config.security == "starttls":
                await connection.start_tls(self._tls, host)
            if self.config.username:
                await connection.log_in(self.config.username, self.password)
        except (Lost, Refused):
            connection.abort()
            raise
        return connection

    async def reach(self) -> None:
        """Connect, encrypt and log in, as before a message, and say goodbye. Raises: Unavailable."""
        try:
            connection = await self._connect()
        except Lost as broke:
            raise Unavailable(str(broke)) from broke
        except Refused as refused:
            raise Unavailable(f"{refused.step} refused: {refused.reply.code}") from refused
        await connection.quit()

    def _body(self, message: Outgoing) -> bytes:
        if not _ADDRESS.fullmatch(message.to) or "@" not in message.to:
            raise Rejected("not an e-mail address", category=Category.INVALID_NUMBER)
        if not _ADDRESS.fullmatch(message.sender) or message.mime is None:
            raise Rejected("no sender or no message", category=Category.PROVIDER_ERROR)
        head = f"X-Message-Reference: {message.reference}\r\n"
        callback_url = message.callback_url or self.config.callback_url
        if callback_url:
            head += f"X-Callback-URL: {callback_url}\r\n"
        return head.encode() + dotted(message.mime)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Tell whether the relay signed this body in the last five minutes."""
        return signature.verify(self.signing_secret, events.header(headers, events.SIGNATURE), body, now)

    def parse_receipts(self, body: bytes) -> list[Receipt]:
        """Read a verified body. Raises: BadReceipt."""
        return events.receipts(body)


# Mailbox, domain or syntax of the recipient (RFC 3463), a domain without mail (RFC 7505). A bare 550 may as well be about us:
# who is taken off every list for it would not come back.
_NO_SUCH_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _queued_as(reply: Reply) -> str:
    """The relay's own id, where it names one: `250 2.0.0 Ok: queued as 4F2A`."""
    found = re.search(r"queued as ([\w.-]{1,100})", reply.text)
    return found.group(1) if found else ""


def _meaning(refused: Refused) -> Rejected | Unavailable:
    """What a refusal means. 4xx: later. 5xx about the recipient or the message: for good. 5xx before: the account."""
    reply, step = refused.reply, refused.step
    code = reply.enhanced or str(reply.code)
    if reply.code < 500 and step != "AUTH":
        category = Category.QUOTA_EXCEEDED if reply.code == 452 else Category.PROVIDER_ERROR
        return Unavailable(f"{step} refused for now", retry_after=LATER_SECONDS, category=category, code=code)
    if step not in ("RCPT", "message"):
        return Unavailable(f"{step} refused", code=code, whole_account=True)
    return Rejected(f"{step} refused", category=_category(code), code=code)


def _category(code: str) -> Category:
    if code.startswith("5.7.") or code == "554":
        return Category.FILTERED
    if code == "5.2.2":
        return Category.QUOTA_EXCEEDED
    if code in _NO_SUCH_MAILBOX:
        return Category.INVALID_NUMBER
    return Category.UNDELIVERABLE
