"""The SMTP sink: takes every message, as a relay would, and answers with the id it queued it under."""

import asyncio
import re
from collections.abc import Callable

from sandbox.faults import Behaviour
from sandbox.ledger import Ledger
from sandbox.receipts import Receipts

LINE_CAP = 4096
MESSAGE_CAP = 30 * 1024 * 1024
_ADDRESS = re.compile(rb"<([^<>\s]*)>")
_OURS = re.compile(rb"(?im)^(X-Message-Reference|X-Callback-URL):[ \t]*([^\r\n]*)\r\n")
_SUBJECT = re.compile(rb"(?im)^Subject:[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)")
_MESSAGE_ID = re.compile(rb"(?im)^Message-ID:\s*<([^<>@\s]+)")
EXTENSIONS = b"250-sandbox\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE %d\r\n"


class Office:
    """What all connections share."""

    def __init__(self, ledger: Ledger, behaviour: Behaviour, receipts: Receipts) -> None:
        self.ledger = ledger
        self.behaviour = behaviour
        self.receipts = receipts
        self.default_callback = ""

    def accept(self, sender: str, recipients: list[str], raw: bytes) -> str:
        """Write the message down, once per recipient; the id it is queued under."""
        end = raw.find(b"\r\n\r\n") + 2
        head, rest = raw[:end], raw[end:]
        ours = {name.lower(): value.decode("utf-8", "replace") for name, value in _OURS.findall(head)}
        head = _OURS.sub(b"", head)
        subject, message_id = _SUBJECT.search(head), _MESSAGE_ID.search(head)
        reference = ours.get(b"x-message-reference") or (
            message_id.group(1).decode("utf-8", "replace") if message_id else ""
        )
        queued = ""
        for recipient in recipients:
            item = self.ledger.accept_email(
                head + rest,
                reference=reference,
                to=recipient,
                sender=sender,
                subject=subject.group(1).decode("utf-8", "replace") if subject else "",
                callback_url=ours.get(b"x-callback-url") or self.default_callback,
            )
            queued = item.id
            self.receipts.plan(item, self._fate(recipient))
        return queued

    def _fate(self, recipient: str) -> tuple[str, ...]:
        ordered = None if self.behaviour.calm else self.behaviour.answer_for(recipient)
        if isinstance(ordered, str):
            return () if ordered == "sent" else ("delivered", ordered) if ordered == "complained" else (ordered,)
        if recipient.startswith("bounce"):
            return ("bounced",)
        return ("delivered", "complained") if recipient.startswith("complain") else ("delivered",)


class Session(asyncio.Protocol):
    """One connection: commands in, replies out, pipelined as they come."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self._buffer = bytearray()
        self._searched = 0
        self._in_data = False
        self._waiting = False
        self._login_lines = 0
        self._sender: str | None = None
        self._recipients: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._reply(b"220 sandbox ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Take what came and answer what is complete."""
        self._buffer += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._waiting and self._buffer and not self._transport.is_closing():
            if not (self._message() if self._in_data else self._line()):
                return

    def _line(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > LINE_CAP:
                self._transport.abort()
            return False
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        if self._login_lines:
            self._login_lines -= 1
            self._reply(b"334 UGFzc3dvcmQ6\r\n" if self._login_lines else b"235 2.7.0 welcome\r\n")
            return True
        verb = line[:4].upper()
        self._commands.get(verb, Session._unknown)(self, line)
        return True

    def _hello(self, line: bytes) -> None:
        self._forget()
        self._reply(EXTENSIONS % MESSAGE_CAP)

    def _auth(self, line: bytes) -> None:
        if line.upper().startswith(b"AUTH LOGIN"):
            self._login_lines = 2
            self._reply(b"334 VXNlcm5hbWU6\r\n")
        else:
            self._reply(b"235 2.7.0 welcome\r\n")

    def _mail(self, line: bytes) -> None:
        found = _ADDRESS.search(line)
        self._forget()
        if found is None:
            self._reply(b"501 5.5.4 no address\r\n")
            return
        self._sender = found.group(1).decode("utf-8", "replace")
        self._reply(b"250 2.1.0 ok\r\n")

    def _rcpt(self, line: bytes) -> None:
        found = _ADDRESS.search(line)
        recipient = found.group(1).decode("utf-8", "replace") if found else ""
        if self._sender is None:
            self._reply(b"503 5.5.1 MAIL first\r\n")
        elif "@" not in recipient or recipient.startswith("refuse"):
            self._reply(b"550 5.1.1 no such mailbox\r\n")
        else:
            ordered = None if self.office.behaviour.calm else self.office.behaviour.answer_for(recipient)
            if isinstance(ordered, int) and ordered >= 400:
                self._reply(b"%d as ordered\r\n" % ordered)
                return
            self._recipients.append(recipient)
            self._reply(b"250 2.1.5 ok\r\n")

    def _data(self, line: bytes) -> None:
        if not self._recipients:
            self._reply(b"554 5.5.1 no valid recipients\r\n")
            return
        self._in_data, self._searched = True, 0
        self._reply(b"354 go on\r\n")

    def _rset(self, line: bytes) -> None:
        self._forget()
        self._reply(b"250 2.0.0 ok\r\n")

    def _noop(self, line: bytes) -> None:
        self._reply(b"250 2.0.0 ok\r\n")

    def _quit(self, line: bytes) -> None:
        self._reply(b"221 2.0.0 bye\r\n")
        self._transport.close()

    def _unknown(self, line: bytes) -> None:
        self._reply(b"500 5.5.2 unknown command\r\n")

    _commands: dict[bytes, Callable[["Session", bytes], None]] = {
        b"EHLO": _hello,
        b"HELO": _hello,
        b"AUTH": _auth,
        b"MAIL": _mail,
        b"RCPT": _rcpt,
        b"DATA": _data,
        b"RSET": _rset,
        b"NOOP": _noop,
        b"QUIT": _quit,
    }

    def _message(self) -> bool:
        """Take a message whose final dot has come."""
        if self._buffer.startswith(b".\r\n"):
            end, length = 0, 3
        else:
            end, length = self._buffer.find(b"\r\n.\r\n", max(0, self._searched - 4)) + 2, 3
            if end < 2:
                self._searched = len(self._buffer)
                if self._searched > MESSAGE_CAP:
                    self._transport.abort()
                return False
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + length]
        if b"\r\n." in raw:
            raw = raw.replace(b"\r\n..", b"\r\n.")
        self._in_data = False
        self._end(raw[1:] if raw.startswith(b"..") else raw)
        return True

    def _end(self, raw: bytes) -> None:
        behaviour = self.office.behaviour
        if behaviour.calm:
            self._accept(raw)
        elif behaviour.faults.delay_ms:
            self._waiting = True
            asyncio.get_running_loop().call_later(behaviour.faults.delay_ms / 1000, self._after_delay, raw)
        else:
            self._misbehave(raw)

    def _after_delay(self, raw: bytes) -> None:
        self._waiting = False
        self._misbehave(raw)
        self._go_on()

    def _misbehave(self, raw: bytes) -> None:
        behaviour = self.office.behaviour
        if behaviour.happens(behaviour.faults.error_rate):
            self._reply(b"451 4.3.0 try again later\r\n")
        elif behaviour.happens(behaviour.faults.accept_then_hang_rate):
            self.office.accept(self._sender or "", self._recipients, raw)
            self._waiting = True  # and not a word more
        else:
            self._accept(raw)

    def _accept(self, raw: bytes) -> None:
        queued = self.office.accept(self._sender or "", self._recipients, raw)
        self._forget()
        self._reply(b"250 2.0.0 Ok: queued as %b\r\n" % queued.encode())

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []

    def _reply(self, line: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(line)
